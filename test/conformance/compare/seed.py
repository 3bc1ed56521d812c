"""Makes a function worth collecting on an emulator: role, secrets in the environment, two
versions, an alias, a grant, a queue that feeds it, logs.

usage: seed.py ENDPOINT_URL ACCOUNT
"""

import io
import json
import sys
import time
import zipfile

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError


def package(text):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as z:
        z.writestr(zipfile.ZipInfo("app.py", (2026, 1, 1, 0, 0, 0)), text)
    return out.getvalue()


def ready(f, name="payments"):
    for _ in range(100):
        c = f.get_function_configuration(FunctionName=name)
        if c.get("State", "Active") == "Active" and c.get("LastUpdateStatus", "Successful") == "Successful":
            return
        time.sleep(0.1)


def seed(endpoint, account):
    config = Config(region_name="us-east-1", retries={"max_attempts": 0}, s3={"addressing_style": "path"})

    def client(service):
        return boto3.client(service, endpoint_url=endpoint, config=config)

    iam, lam, sqs, logs = client("iam"), client("lambda"), client("sqs"), client("logs")
    iam.create_role(RoleName="payments-role", AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}]}))
    iam.put_role_policy(RoleName="payments-role", PolicyName="work", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": ["sqs:*", "logs:*"], "Resource": "*"}]}))
    lam.create_function(FunctionName="payments", Role=f"arn:aws:iam::{account}:role/payments-role", Runtime="python3.12", Handler="app.handler", Code={"ZipFile": package("one = 1\n")},
                        Environment={"Variables": {"DB_PASSWORD": "correct-horse/battery+staple=42"}}, Tags={"team": "shop"})
    ready(lam)
    lam.publish_version(FunctionName="payments")
    lam.update_function_code(FunctionName="payments", ZipFile=package("two = 2\n"))
    ready(lam)
    lam.publish_version(FunctionName="payments")
    lam.create_alias(FunctionName="payments", Name="live", FunctionVersion="1")
    lam.add_permission(FunctionName="payments", StatementId="partner", Action="lambda:InvokeFunction", Principal="arn:aws:iam::999988887777:root")
    sqs.create_queue(QueueName="orders")
    lam.create_event_source_mapping(FunctionName="payments", EventSourceArn=f"arn:aws:sqs:us-east-1:{account}:orders", BatchSize=10)
    try:
        logs.create_log_group(logGroupName="/aws/lambda/payments")
    except ClientError as e:
        if e.response["Error"]["Code"] != "ResourceAlreadyExistsException":
            raise
    logs.create_log_stream(logGroupName="/aws/lambda/payments", logStreamName="2026/01/01/[1]abc")
    logs.put_log_events(logGroupName="/aws/lambda/payments", logStreamName="2026/01/01/[1]abc", logEvents=[{"timestamp": int(time.time() * 1000), "message": "START RequestId: 1 Version: 1"}])


if __name__ == "__main__":
    seed(sys.argv[1], sys.argv[2])
