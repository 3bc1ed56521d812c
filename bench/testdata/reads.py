"""Makes reads that freezeframe made, one after another: with one boto3 process, or with the
AWS CLI, a process for each. Packages are downloaded to a file as they are named; curl does
it beside the CLI.

usage: reads.py boto3|awscli CALLS DIR AWS
       CALLS has a JSON line for each call: service (its id), operation, region, in.
"""

import json
import os
import re
import subprocess
import sys
import urllib.request

import boto3
import botocore.session
from botocore import xform_name
from botocore.exceptions import ClientError

MODE, CALLS, DIR, AWS = sys.argv[1:5]
session = botocore.session.get_session()
names = {}  # service id -> the client's and command's name
for name in session.get_available_services():
    path = session.get_component("data_loader").load_service_model
    if name in ("lambda", "iam", "sts", "kms", "s3", "logs", "events", "sqs", "cloudtrail", "sns", "scheduler", "pipes", "application-autoscaling", "secretsmanager", "ssm",
                "apigateway", "apigatewayv2", "elbv2", "cloudfront", "ecr", "xray", "guardduty", "accessanalyzer", "inspector2", "config", "cloudwatch", "ec2", "efs"):
        names[path(name, "service-2")["metadata"]["serviceId"]] = name

clients = {}
models = {}


def model(service):
    if service not in models:
        models[service] = session.get_service_model(names[service])
    return models[service]


def plain(shape, value):
    """A value as both tools take it: without members that their shapes do not know."""
    if shape.type_name == "structure":
        return {k: plain(shape.members[k], v) for k, v in value.items() if k in shape.members and v is not None}
    if shape.type_name == "list":
        return [plain(shape.member, v) for v in value]
    if shape.type_name == "map":
        return {k: plain(shape.value, v) for k, v in value.items()}
    return value


def ask(call, params):
    service, region = call["service"], call["region"]
    if MODE == "boto3":
        if (service, region) not in clients:
            clients[service, region] = boto3.client(names[service], region_name=region)
        try:
            return getattr(clients[service, region], xform_name(call["operation"]))(**params)
        except ClientError as e:
            return {"error": e}
    command = {"config": "configservice"}.get(names[service], names[service])
    if command == "s3":
        command = "s3api"
    # Said on the command line too: for a queue the CLI takes the endpoint's environment variable for
    # less than the queue's own address.
    run = subprocess.run([AWS, command, xform_name(call["operation"], "-"), "--endpoint-url", os.environ["AWS_ENDPOINT_URL"], "--region", region, "--no-paginate", "--cli-input-json", json.dumps(params)],
                         capture_output=True, check=False)
    if run.returncode == 2 and b"argument operation: Invalid choice" in run.stderr:
        return {"error": "(NotInThisCLI)"}  # boto3 is further on: that call is saved
    if run.returncode not in (0, 254, 255):
        sys.exit(f"{command} {call['operation']}: exit {run.returncode}: {run.stderr.decode()}")
    try:
        return json.loads(run.stdout) if run.returncode == 0 and run.stdout.strip() else {"error": run.stderr.decode()}
    except ValueError:
        return {}


def download(url, name):
    path = os.path.join(DIR, name)
    if MODE == "awscli":
        subprocess.run(["curl", "--silent", "--fail", "--output", path, url], check=True)
    else:
        with urllib.request.urlopen(url) as answer, open(path, "wb") as out:
            while block := answer.read(1 << 20):
                out.write(block)
    size = os.path.getsize(path)
    os.remove(path)
    return size


made = size = 0
refused = {}
for line in open(CALLS):
    call = json.loads(line)
    op = model(call["service"]).operation_model(call["operation"])
    params = plain(op.input_shape, call["in"] or {}) if op.input_shape else {}
    out = ask(call, params)
    made += 1
    if "error" in out:
        code = re.search(r"\((\w+)\)", str(out["error"]))
        code = code.group(1) if code else str(out["error"])[-200:]
        refused[code] = refused.get(code, 0) + 1
    url = (out.get("Code") or out.get("Content") or {}).get("Location") if call["service"] == "Lambda" else None
    if url:
        size += download(url, f"{made}.zip")
print(json.dumps({"calls": made, "refused": refused, "bytes": size}))
