"""Answers lines on its input with a line of JSON each: "seed" makes what acts of containment
find something on (containable.py), "overwrite" the function's code, "intrude" changes its
environment and tags, "forget" takes that back, "subscription" is the
ARN of the function's, "state" is what acts change, as boto3 sees it.

usage: contained.py ENDPOINT_URL ACCOUNT
"""

import functools
import json
import sys

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError
from containable import Containable

ENDPOINT, ACCOUNT = sys.argv[1], sys.argv[2]
config = Config(region_name="us-east-1", retries={"max_attempts": 0}, s3={"addressing_style": "path"})
VOLATILE = {"ResponseMetadata", "ETag", "RevisionId", "LastModified", "LastModifiedTime", "LastModifiedDate", "LastModificationDate", "LastProcessingResult", "LastChangedDate", "CreateDate", "CreationTime",
            "CreationDate", "FunctionUrl", "StateTransitionReason", "StateReason", "SubscriptionArn", "PolicyId", "VersionIdsToStages", "creationTime", "lastUpdatedTime"}


@functools.cache
def client(service):
    return boto3.client(service, endpoint_url=ENDPOINT, config=config)


def tried(service, op, **params):
    """The answer without what moves by itself, or the code of the refusal."""
    try:
        return plain(getattr(client(service), op)(**params))
    except ClientError as e:
        return {"error": e.response["Error"]["Code"]}
    except (BotoCoreError, ResponseParserError, ValueError) as e:
        return {"error": type(e).__name__}


def plain(v):
    if isinstance(v, dict):
        return {k: plain(x) for k, x in v.items() if k not in VOLATILE}
    if isinstance(v, list):
        return sorted((plain(x) for x in v), key=lambda x: json.dumps(x, sort_keys=True, default=str))
    if isinstance(v, str) and v.startswith("{"):
        try:
            return plain(json.loads(v))
        except ValueError:
            return v
    return v


def function(name):
    n = {"FunctionName": name}
    versions = [v.get("Version") for v in tried("lambda", "list_versions_by_function", **n).get("Versions", [])]
    return {
        "concurrency": tried("lambda", "get_function_concurrency", **n),
        "provisioned": tried("lambda", "get_provisioned_concurrency_config", Qualifier="live", **n),
        "url": tried("lambda", "get_function_url_config", **n),
        "policy": tried("lambda", "get_policy", **n),
        "mappings": tried("lambda", "list_event_source_mappings", **n),
        "aliases": tried("lambda", "list_aliases", **n),
        "configuration": tried("lambda", "get_function_configuration", **n),
        "versions": versions,
        "destinations": tried("lambda", "get_function_event_invoke_config", Qualifier="$LATEST", **n),
        "recursion": tried("lambda", "get_function_recursion_config", **n),
        "signing": tried("lambda", "get_function_code_signing_config", **n),
        "tags": tried("lambda", "list_tags", Resource=f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:{name}"),
    }


def principals():
    out = {}
    for name in ("payments-role", "lent", "deploy"):
        r = {"RoleName": name}
        inline = tried("iam", "list_role_policies", **r).get("PolicyNames", [])
        out[name] = [tried("iam", "get_role", **r), tried("iam", "list_attached_role_policies", **r), {n: tried("iam", "get_role_policy", PolicyName=n, **r) for n in inline}]
    u = {"UserName": "mallory"}
    inline = tried("iam", "list_user_policies", **u).get("PolicyNames", [])
    out["mallory"] = [tried("iam", "list_attached_user_policies", **u), {n: tried("iam", "get_user_policy", PolicyName=n, **u) for n in inline}, tried("iam", "list_access_keys", **u)]
    return out


def client_stages():
    try:
        return client("secretsmanager").describe_secret(SecretId="shop/read").get("VersionIdsToStages", {})
    except ClientError:
        return {}


def around():
    rules = sorted(r["Name"] for r in tried("events", "list_rules").get("Rules", []))
    return {
        "rules": {n: [tried("events", "describe_rule", Name=n), tried("events", "list_targets_by_rule", Rule=n)] for n in rules},
        "schedule": tried("scheduler", "get_schedule", Name="hourly"),
        "notifications": tried("s3", "get_bucket_notification_configuration", Bucket="incoming-of-payments"),
        "subscriptions": tried("sns", "list_subscriptions"),
        "filters": tried("logs", "describe_subscription_filters", logGroupName="/shop/app"),
        "front": tried("cloudfront", "get_distribution_config", Id=things.found["edge-detach"]) if "edge-detach" in things.found else None,
        "pipe": tried("pipes", "describe_pipe", Name="stream"),
        "scaling": tried("application-autoscaling", "describe_scalable_targets", ServiceNamespace="lambda"),
        "groups": tried("logs", "describe_log_groups", logGroupNamePrefix="/shop/"),
        "trails": {n: [tried("cloudtrail", "get_trail_status", Name=n).get("IsLogging"), tried("cloudtrail", "get_event_selectors", TrailName=n)] for n in ("stopped", "management")},
        "secret": "DeletedDate" in tried("secretsmanager", "describe_secret", SecretId="shop/doomed"),
        "rotated": [v for v, stages in client_stages().items() if "AWSCURRENT" in stages],
        "key": tried("kms", "describe_key", KeyId=things.found["key-deletion-cancel"]) if "key-deletion-cancel" in things.found else None,
    }


def state():
    return {"durable": tried("lambda", "list_durable_executions_by_function", FunctionName="steps"), "payments": function("payments"), "inside": function("inside"), "principals": principals(), "around": around()}


things = Containable(client, ACCOUNT)
do = {"seed": things.seed, "overwrite": things.overwrite, "intrude": things.intrude, "forget": things.forget, "subscription": things.subscription, "state": state}
for line in sys.stdin:
    print(json.dumps(do[line.strip()](), sort_keys=True, default=str), flush=True)
