"""Sends one request whose signature is wrong in one way, and prints the error code.

usage: crooked.py ENDPOINT_URL date|body|none lambda|iam|s3
"""

import datetime
import re
import sys
import urllib.error
import urllib.request

import botocore.auth
import botocore.awsrequest
import botocore.session

endpoint, bend, service = sys.argv[1:]
method, url, body, headers = {
    "lambda": ("POST", "/2015-03-31/functions/f/versions", b"{}", {"Content-Type": "application/json"}),
    "iam": ("POST", "/", b"Action=ListRoles&Version=2010-05-08", {"Content-Type": "application/x-www-form-urlencoded"}),
    "s3": ("PUT", "/some-bucket/key", b"body", {}),
}[service]

if bend == "date":
    real = datetime.datetime

    class Old(real):
        @classmethod
        def now(cls, tz=None):
            return real.now(tz) - datetime.timedelta(hours=1)

        @classmethod
        def utcnow(cls):
            return real.now(datetime.timezone.utc).replace(tzinfo=None) - datetime.timedelta(hours=1)

    datetime.datetime = Old
    botocore.auth.datetime = datetime if hasattr(botocore.auth.datetime, "datetime") else Old
    if hasattr(botocore.auth, "get_current_datetime"):
        botocore.auth.get_current_datetime = lambda remove_tzinfo=True: Old.utcnow()

request = botocore.awsrequest.AWSRequest(method=method, url=endpoint + url, data=body, headers=headers)
if bend != "none":
    credentials = botocore.session.get_session().get_credentials()
    auth = botocore.auth.S3SigV4Auth if service == "s3" else botocore.auth.SigV4Auth
    if service == "s3":
        request.context["payload_signing_enabled"] = True
        import hashlib
        request.headers["X-Amz-Content-SHA256"] = hashlib.sha256(body).hexdigest()
        auth = botocore.auth.SigV4Auth
    auth(credentials, service, "us-east-1").add_auth(request)
if bend == "body":
    body = body[:-1] + b"!"
prepared = {k: v for k, v in request.headers.items()}
try:
    res = urllib.request.urlopen(urllib.request.Request(endpoint + url, data=body, headers=prepared, method=method))
    print("accepted", res.status)
except urllib.error.HTTPError as e:
    text = e.read().decode()
    code = e.headers.get("x-amzn-errortype", "").split(":")[0]
    if not code:
        m = re.search(r"<Code>([^<]*)</Code>", text)
        code = m.group(1) if m else text
    print(code)
