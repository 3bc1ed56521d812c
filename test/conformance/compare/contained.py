"""Prints as JSON what acts of containment change, as boto3 sees it; with --seed first adds
what acts find something on beside what seed.py makes.

usage: contained.py ENDPOINT_URL ACCOUNT [--seed]
"""

import json
import sys

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

ENDPOINT, ACCOUNT = sys.argv[1], sys.argv[2]
config = Config(region_name="us-east-1", retries={"max_attempts": 0}, s3={"addressing_style": "path"})
VOLATILE = {"ResponseMetadata", "RevisionId", "LastModified", "LastModifiedTime", "LastProcessingResult", "CreateDate", "FunctionUrl", "StateTransitionReason"}


def client(service):
    return boto3.client(service, endpoint_url=ENDPOINT, config=config)


def tried(call, **params):
    """The answer without what moves by itself, or the code of the refusal."""
    try:
        return plain(call(**params))
    except ClientError as e:
        return {"error": e.response["Error"]["Code"]}
    except (BotoCoreError, ValueError) as e:
        return {"error": type(e).__name__}


def plain(v):
    if isinstance(v, dict):
        return {k: plain(x) for k, x in v.items() if k not in VOLATILE}
    if isinstance(v, list):
        return [plain(x) for x in v]
    if isinstance(v, str) and v.startswith("{"):
        try:
            return json.loads(v)
        except ValueError:
            return v
    return v


iam, lam, events = client("iam"), client("lambda"), client("events")
FUNCTION = f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:payments"


def seed():
    tried(lam.create_function_url_config, FunctionName="payments", AuthType="NONE")
    tried(lam.put_provisioned_concurrency_config, FunctionName="payments", Qualifier="live", ProvisionedConcurrentExecutions=1)
    tried(iam.create_user, UserName="mallory")
    tried(iam.put_user_policy, UserName="mallory", PolicyName="work", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}))
    tried(iam.create_access_key, UserName="mallory")
    tried(events.put_rule, Name="nightly", ScheduleExpression="rate(1 day)")
    tried(events.put_targets, Rule="nightly", Targets=[{"Id": "1", "Arn": FUNCTION}])


def state():
    role = {"RoleName": "payments-role"}
    names = tried(iam.list_role_policies, **role).get("PolicyNames", [])
    keys = tried(iam.list_access_keys, UserName="mallory").get("AccessKeyMetadata", [])
    return {
        "concurrency": tried(lam.get_function_concurrency, FunctionName="payments"),
        "provisioned": tried(lam.list_provisioned_concurrency_configs, FunctionName="payments"),
        "url": tried(lam.get_function_url_config, FunctionName="payments"),
        "policy": tried(lam.get_policy, FunctionName="payments"),
        "mappings": tried(lam.list_event_source_mappings, FunctionName="payments"),
        "aliases": tried(lam.list_aliases, FunctionName="payments"),
        "configuration": tried(lam.get_function_configuration, FunctionName="payments"),
        "trust": tried(iam.get_role, **role),
        "inline": {n: tried(iam.get_role_policy, PolicyName=n, **role) for n in sorted(names)},
        "attached": tried(iam.list_attached_role_policies, **role),
        "user": sorted(tried(iam.list_user_policies, UserName="mallory").get("PolicyNames", [])),
        "keys": {k["AccessKeyId"]: k["Status"] for k in keys},
        "rule": tried(events.describe_rule, Name="nightly"),
        "targets": tried(events.list_targets_by_rule, Rule="nightly"),
    }


if "--seed" in sys.argv:
    seed()
json.dump(state(), sys.stdout, sort_keys=True, default=str)
