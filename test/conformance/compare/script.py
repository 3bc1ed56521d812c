"""One script of API calls, run unchanged on the simulated account and on other
people's emulators. It prints a JSON line per call: its name, what came of it
(members of the answer as key paths, a few values, or the error code and HTTP
status). It judges nothing: compare_test.go does.

usage: script.py ENDPOINT_URL ACCOUNT SERVICES
       SERVICES is a comma-separated list; calls of other services are left out.
"""

import base64
import hashlib
import io
import json
import sys
import zipfile

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

ENDPOINT, ACCOUNT, SERVICES = sys.argv[1], sys.argv[2], set(sys.argv[3].split(","))
REGION = "us-east-1"
TRUST = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}]})
ALLOW = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}]})
ROLE = f"arn:aws:iam::{ACCOUNT}:role/compare"


def package(text):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as z:
        z.writestr(zipfile.ZipInfo("app.py", (2026, 1, 1, 0, 0, 0)), text)
    return out.getvalue()


V1, V2 = package("def handler(e, c): return 1\n"), package("def handler(e, c): return 2\n")
SHA = {base64.b64encode(hashlib.sha256(z).digest()).decode(): n for n, z in (("code-1", V1), ("code-2", V2))}

config = Config(region_name=REGION, retries={"max_attempts": 0}, connect_timeout=5, read_timeout=20, s3={"addressing_style": "path"})
clients = {}
kept = {}
count = 0


def client(service):
    if service not in clients:
        clients[service] = boto3.client(service, endpoint_url=ENDPOINT, config=config)
    return clients[service]


def paths(value, at=""):
    """The key paths of an answer: lists collapse to [], map keys of free maps stay."""
    if isinstance(value, dict):
        out = {at + "{}"} if at and not value else set()
        for k, v in value.items():
            if k == "ResponseMetadata":
                continue
            out |= paths(v, f"{at}.{k}" if at else k)
        return out
    if isinstance(value, list):
        out = {at + "[]"}
        for v in value:
            out |= paths(v, at + "[]")
        return out
    return {at} if at else set()


def pick(answer, want):
    """Values worth comparing: dotted paths, # for the length of a list."""
    out = {}
    for path in want:
        v = answer
        for part in path.split("."):
            if part == "#":
                v = len(v) if v is not None else None
            elif isinstance(v, list):
                v = v[int(part)] if int(part) < len(v) else None
            elif isinstance(v, dict):
                v = v.get(part)
            else:
                v = None
        if hasattr(v, "read"):
            v = v.read().decode()
        if isinstance(v, str):
            v = SHA.get(v, v).replace(ACCOUNT, "ACCOUNT")
        out[path] = v
    return out


def call(name, service, op, _values=(), _keep=None, **params):
    """Makes one call and prints what came of it. _keep stores a value for later calls."""
    global count
    if service not in SERVICES:
        return None
    count += 1
    params = {k: (kept.get(v[1:]) if isinstance(v, str) and v.startswith("@") else v) for k, v in params.items()}
    line = {"call": name, "api": f"{service}:{op}"}
    answer = None
    try:
        answer = getattr(client(service), op)(**params)
        line["outcome"] = "ok"
        line["status"] = answer["ResponseMetadata"]["HTTPStatusCode"]
        line["members"] = sorted(paths(answer))
        line["values"] = pick(answer, _values)
        for key, path in (_keep or {}).items():
            v = answer
            for part in path.split("."):
                v = v[int(part)] if isinstance(v, list) else v[part]
            kept[key] = v
    except ClientError as e:
        line["outcome"] = "error"
        line["code"] = e.response.get("Error", {}).get("Code", "")
        line["status"] = e.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    except (BotoCoreError, KeyError, IndexError, TypeError, ValueError, AttributeError) as e:
        line["outcome"] = "unusable"
        line["code"] = type(e).__name__
    print(json.dumps(line, default=str), flush=True)
    return answer


def iam_part():
    call("role create", "iam", "create_role", RoleName="compare", AssumeRolePolicyDocument=TRUST, _values=["Role.RoleName", "Role.Arn"])
    call("role create again", "iam", "create_role", RoleName="compare", AssumeRolePolicyDocument=TRUST)
    call("role create bad trust", "iam", "create_role", RoleName="bad", AssumeRolePolicyDocument="{not json")
    call("role get", "iam", "get_role", RoleName="compare", _values=["Role.MaxSessionDuration", "Role.AssumeRolePolicyDocument.Version"])
    call("role get missing", "iam", "get_role", RoleName="nobody")
    call("role list", "iam", "list_roles", PathPrefix="/")
    call("inline put", "iam", "put_role_policy", RoleName="compare", PolicyName="p1", PolicyDocument=ALLOW)
    call("inline put second", "iam", "put_role_policy", RoleName="compare", PolicyName="p2", PolicyDocument=ALLOW)
    call("inline put malformed", "iam", "put_role_policy", RoleName="compare", PolicyName="p3", PolicyDocument="{")
    call("inline put on missing role", "iam", "put_role_policy", RoleName="nobody", PolicyName="p", PolicyDocument=ALLOW)
    call("inline get", "iam", "get_role_policy", RoleName="compare", PolicyName="p1", _values=["PolicyDocument.Statement.0.Action"])
    call("inline get missing", "iam", "get_role_policy", RoleName="compare", PolicyName="none")
    call("inline list page 1", "iam", "list_role_policies", RoleName="compare", MaxItems=1, _values=["PolicyNames", "IsTruncated"], _keep={"marker": "Marker"})
    call("inline list page 2", "iam", "list_role_policies", RoleName="compare", Marker="@marker", _values=["PolicyNames", "IsTruncated"])
    call("inline delete missing", "iam", "delete_role_policy", RoleName="compare", PolicyName="none")
    call("managed create", "iam", "create_policy", PolicyName="compare", PolicyDocument=ALLOW, _values=["Policy.DefaultVersionId", "Policy.AttachmentCount"])
    call("managed create again", "iam", "create_policy", PolicyName="compare", PolicyDocument=ALLOW)
    policy = f"arn:aws:iam::{ACCOUNT}:policy/compare"
    call("managed get version", "iam", "get_policy_version", PolicyArn=policy, VersionId="v1", _values=["PolicyVersion.IsDefaultVersion"])
    call("managed get version missing", "iam", "get_policy_version", PolicyArn=policy, VersionId="v9")
    call("managed attach", "iam", "attach_role_policy", RoleName="compare", PolicyArn=policy)
    call("managed attach missing", "iam", "attach_role_policy", RoleName="compare", PolicyArn=f"arn:aws:iam::{ACCOUNT}:policy/none")
    call("managed list attached", "iam", "list_attached_role_policies", RoleName="compare", _values=["AttachedPolicies.0.PolicyName", "IsTruncated"])
    call("managed delete while attached", "iam", "delete_policy", PolicyArn=policy)
    call("role delete in use", "iam", "delete_role", RoleName="compare")
    call("boundary put", "iam", "put_role_permissions_boundary", RoleName="compare", PermissionsBoundary=policy)
    call("boundary seen", "iam", "get_role", RoleName="compare", _values=["Role.PermissionsBoundary.PermissionsBoundaryType"])
    call("boundary delete", "iam", "delete_role_permissions_boundary", RoleName="compare")
    call("user create", "iam", "create_user", UserName="compare", _values=["User.UserName"])
    call("user create again", "iam", "create_user", UserName="compare")
    call("user get missing", "iam", "get_user", UserName="nobody")
    call("key create", "iam", "create_access_key", UserName="compare", _keep={"key": "AccessKey.AccessKeyId"}, _values=["AccessKey.Status"])
    call("key inactive", "iam", "update_access_key", UserName="compare", AccessKeyId="@key", Status="Inactive")
    call("key list", "iam", "list_access_keys", UserName="compare", _values=["AccessKeyMetadata.0.Status"])
    call("key delete missing", "iam", "delete_access_key", UserName="compare", AccessKeyId="AKIAAAAAAAAAAAAAAAAA")


def sts_part():
    call("who", "sts", "get_caller_identity")
    call("assume not trusted", "sts", "assume_role", RoleArn=ROLE, RoleSessionName="compare")
    call("assume missing role", "sts", "assume_role", RoleArn=f"arn:aws:iam::{ACCOUNT}:role/nobody", RoleSessionName="compare")
    call("session token", "sts", "get_session_token", DurationSeconds=900)


def function_part():
    F = "compare"
    code = ["CodeSha256", "Version", "State", "PackageType"]
    call("function get missing", "lambda", "get_function", FunctionName="nobody")
    call("function create bad role", "lambda", "create_function", FunctionName="bad", Role="arn:aws:iam::12:role/x", Runtime="python3.12", Handler="app.handler", Code={"ZipFile": V1})
    call("function create bad zip", "lambda", "create_function", FunctionName="bad", Role=ROLE, Runtime="python3.12", Handler="app.handler", Code={"ZipFile": b"not a zip"})
    call("function create", "lambda", "create_function", FunctionName=F, Role=ROLE, Runtime="python3.12", Handler="app.handler", Code={"ZipFile": V1},
         Environment={"Variables": {"KEY": "value"}}, Tags={"team": "shop"}, _values=["CodeSha256", "Version", "PackageType"])
    call("function create again", "lambda", "create_function", FunctionName=F, Role=ROLE, Runtime="python3.12", Handler="app.handler", Code={"ZipFile": V1})
    wait_active(F)
    call("function get", "lambda", "get_function", FunctionName=F, _values=["Configuration." + v for v in code] + ["Tags.team"])
    call("function get bad name", "lambda", "get_function", FunctionName="no spaces allowed")
    call("function get configuration", "lambda", "get_function_configuration", FunctionName=F, _values=code + ["Environment.Variables.KEY", "MemorySize", "Timeout"])
    call("function list", "lambda", "list_functions", _values=["Functions.#"])
    call("publish 1", "lambda", "publish_version", FunctionName=F, _values=code[:2])
    wait_active(F)
    call("publish unchanged", "lambda", "publish_version", FunctionName=F, _values=code[:2])
    call("update code stale revision", "lambda", "update_function_code", FunctionName=F, ZipFile=V2, RevisionId="00000000-0000-0000-0000-000000000000")
    call("update code", "lambda", "update_function_code", FunctionName=F, ZipFile=V2, _values=code[:2])
    wait_active(F)
    call("publish 2", "lambda", "publish_version", FunctionName=F, Description="second", _values=code[:2] + ["Description"])
    wait_active(F)
    call("version 1 keeps its code", "lambda", "get_function_configuration", FunctionName=F, Qualifier="1", _values=code[:2])
    call("version 2", "lambda", "get_function_configuration", FunctionName=F, Qualifier="2", _values=code[:2])
    call("latest", "lambda", "get_function_configuration", FunctionName=F, Qualifier="$LATEST", _values=code[:2])
    call("version missing", "lambda", "get_function_configuration", FunctionName=F, Qualifier="9")
    call("versions page 1", "lambda", "list_versions_by_function", FunctionName=F, MaxItems=1, _values=["Versions.#", "Versions.0.Version"], _keep={"versions": "NextMarker"})
    call("versions page 2", "lambda", "list_versions_by_function", FunctionName=F, MaxItems=1, Marker="@versions", _values=["Versions.#", "Versions.0.Version"])
    call("versions of missing", "lambda", "list_versions_by_function", FunctionName="nobody")
    call("update configuration", "lambda", "update_function_configuration", FunctionName=F, Timeout=7, _values=["Timeout", "Version"])
    wait_active(F)
    call("update configuration missing", "lambda", "update_function_configuration", FunctionName="nobody", Timeout=7)
    call("update configuration bad memory", "lambda", "update_function_configuration", FunctionName=F, MemorySize=1)
    call("version 1 keeps its timeout", "lambda", "get_function_configuration", FunctionName=F, Qualifier="1", _values=["Timeout"])


def wait_active(name):
    """Emulators that settle later get a moment; no line is printed."""
    import time

    if "lambda" not in SERVICES:
        return
    for _ in range(100):
        try:
            c = client("lambda").get_function_configuration(FunctionName=name)
        except (ClientError, BotoCoreError):
            return
        if c.get("State", "Active") == "Active" and c.get("LastUpdateStatus", "Successful") == "Successful":
            return
        time.sleep(0.1)


def alias_part():
    F = "compare"
    call("alias create", "lambda", "create_alias", FunctionName=F, Name="live", FunctionVersion="1", _values=["FunctionVersion", "Description"])
    call("alias create again", "lambda", "create_alias", FunctionName=F, Name="live", FunctionVersion="1")
    call("alias to missing version", "lambda", "create_alias", FunctionName=F, Name="x", FunctionVersion="9")
    call("alias get", "lambda", "get_alias", FunctionName=F, Name="live", _values=["FunctionVersion"])
    call("alias get missing", "lambda", "get_alias", FunctionName=F, Name="none")
    call("alias weights", "lambda", "update_alias", FunctionName=F, Name="live", RoutingConfig={"AdditionalVersionWeights": {"2": 0.1}}, _values=["RoutingConfig.AdditionalVersionWeights.2"])
    call("alias weights cleared", "lambda", "update_alias", FunctionName=F, Name="live", RoutingConfig={"AdditionalVersionWeights": {}})
    call("alias list", "lambda", "list_aliases", FunctionName=F, _values=["Aliases.#"])
    call("alias as qualifier", "lambda", "get_function_configuration", FunctionName=F, Qualifier="live", _values=["Version", "CodeSha256"])


def policy_part():
    F = "compare"
    grant = dict(FunctionName=F, StatementId="s1", Action="lambda:InvokeFunction", Principal="999988887777")
    call("policy none", "lambda", "get_policy", FunctionName=F)
    call("grant", "lambda", "add_permission", **grant)
    call("grant again", "lambda", "add_permission", **grant)
    call("grant to alias", "lambda", "add_permission", **{**grant, "StatementId": "s2", "Qualifier": "live", "Principal": "*"})
    call("grant on missing alias", "lambda", "add_permission", **{**grant, "Qualifier": "none"})
    call("policy unqualified", "lambda", "get_policy", FunctionName=F)
    call("policy of alias", "lambda", "get_policy", FunctionName=F, Qualifier="live")
    call("policy of version without one", "lambda", "get_policy", FunctionName=F, Qualifier="1")
    call("remove stale revision", "lambda", "remove_permission", FunctionName=F, StatementId="s1", RevisionId="00000000-0000-0000-0000-000000000000")
    call("remove missing statement", "lambda", "remove_permission", FunctionName=F, StatementId="none")
    call("remove", "lambda", "remove_permission", FunctionName=F, StatementId="s1")
    call("policy empty again", "lambda", "get_policy", FunctionName=F)
    call("remove from alias", "lambda", "remove_permission", FunctionName=F, StatementId="s2", Qualifier="live")


def concurrency_part():
    F = "compare"
    call("concurrency unset", "lambda", "get_function_concurrency", FunctionName=F, _values=["ReservedConcurrentExecutions"])
    call("concurrency zero", "lambda", "put_function_concurrency", FunctionName=F, ReservedConcurrentExecutions=0, _values=["ReservedConcurrentExecutions"])
    call("concurrency is zero, not unset", "lambda", "get_function_concurrency", FunctionName=F, _values=["ReservedConcurrentExecutions"])
    call("function shows zero", "lambda", "get_function", FunctionName=F, _values=["Concurrency.ReservedConcurrentExecutions"])
    call("concurrency delete", "lambda", "delete_function_concurrency", FunctionName=F)
    call("concurrency unset again", "lambda", "get_function_concurrency", FunctionName=F, _values=["ReservedConcurrentExecutions"])
    call("concurrency too much", "lambda", "put_function_concurrency", FunctionName=F, ReservedConcurrentExecutions=100000)
    call("concurrency of missing", "lambda", "get_function_concurrency", FunctionName="nobody")
    call("provisioned on latest", "lambda", "put_provisioned_concurrency_config", FunctionName=F, Qualifier="$LATEST", ProvisionedConcurrentExecutions=1)
    call("provisioned missing", "lambda", "get_provisioned_concurrency_config", FunctionName=F, Qualifier="live")
    call("provisioned list", "lambda", "list_provisioned_concurrency_configs", FunctionName=F, _values=["ProvisionedConcurrencyConfigs.#"])
    call("account settings", "lambda", "get_account_settings")
    call("recursion", "lambda", "get_function_recursion_config", FunctionName=F, _values=["RecursiveLoop"])
    call("runtime management", "lambda", "get_runtime_management_config", FunctionName=F, _values=["UpdateRuntimeOn"])
    call("code signing none", "lambda", "get_function_code_signing_config", FunctionName=F)
    call("tags", "lambda", "list_tags", Resource=f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:compare", _values=["Tags.team"])


def trigger_part():
    F = "compare"
    call("url missing", "lambda", "get_function_url_config", FunctionName=F)
    call("url create", "lambda", "create_function_url_config", FunctionName=F, AuthType="NONE", _values=["AuthType", "InvokeMode"])
    call("url create again", "lambda", "create_function_url_config", FunctionName=F, AuthType="NONE")
    call("url list", "lambda", "list_function_url_configs", FunctionName=F, _values=["FunctionUrlConfigs.#"])
    call("url to iam", "lambda", "update_function_url_config", FunctionName=F, AuthType="AWS_IAM", _values=["AuthType"])
    call("url delete", "lambda", "delete_function_url_config", FunctionName=F)
    call("queue create", "sqs", "create_queue", QueueName="compare")
    call("queue url missing", "sqs", "get_queue_url", QueueName="none")
    call("mapping create", "lambda", "create_event_source_mapping", FunctionName=F, EventSourceArn=f"arn:aws:sqs:{REGION}:{ACCOUNT}:compare", _keep={"uuid": "UUID"}, _values=["BatchSize"])
    call("mapping list", "lambda", "list_event_source_mappings", FunctionName=F, _values=["EventSourceMappings.#"])
    call("mapping get", "lambda", "get_event_source_mapping", UUID="@uuid", _values=["BatchSize"])
    call("mapping get missing", "lambda", "get_event_source_mapping", UUID="00000000-0000-4000-8000-000000000000")
    call("mapping list of missing", "lambda", "list_event_source_mappings", FunctionName="nobody", _values=["EventSourceMappings.#"])
    call("invoke config missing", "lambda", "get_function_event_invoke_config", FunctionName=F)
    call("invoke config put", "lambda", "put_function_event_invoke_config", FunctionName=F, MaximumRetryAttempts=0, _values=["MaximumRetryAttempts"])
    call("invoke config list", "lambda", "list_function_event_invoke_configs", FunctionName=F, _values=["FunctionEventInvokeConfigs.0.MaximumRetryAttempts"])
    call("layer publish", "lambda", "publish_layer_version", LayerName="compare", Content={"ZipFile": V1}, _values=["Version", "Content.CodeSha256"])
    call("layer get", "lambda", "get_layer_version", LayerName="compare", VersionNumber=1, _values=["Version", "Content.CodeSha256"])
    call("layer get missing", "lambda", "get_layer_version", LayerName="compare", VersionNumber=9)
    call("layer policy none", "lambda", "get_layer_version_policy", LayerName="compare", VersionNumber=1)


def trail_part():
    call("trails none", "cloudtrail", "describe_trails", _values=["trailList.#"])
    call("trail missing", "cloudtrail", "get_trail_status", Name="none")
    call("lookup two attributes", "cloudtrail", "lookup_events", LookupAttributes=[{"AttributeKey": "EventName", "AttributeValue": "a"}, {"AttributeKey": "Username", "AttributeValue": "b"}])
    call("lookup one", "cloudtrail", "lookup_events", LookupAttributes=[{"AttributeKey": "EventName", "AttributeValue": "NoSuchEvent"}], _values=["Events.#"])
    call("lookup too many", "cloudtrail", "lookup_events", MaxResults=51)


def logs_part():
    call("group create", "logs", "create_log_group", logGroupName="/compare")
    call("group create again", "logs", "create_log_group", logGroupName="/compare")
    call("stream create", "logs", "create_log_stream", logGroupName="/compare", logStreamName="s")
    call("events put", "logs", "put_log_events", logGroupName="/compare", logStreamName="s", logEvents=[{"timestamp": now_ms(), "message": "hello"}])
    call("events filter", "logs", "filter_log_events", logGroupName="/compare", _values=["events.0.message", "events.#"])
    call("events of missing group", "logs", "filter_log_events", logGroupName="/none")
    call("groups", "logs", "describe_log_groups", logGroupNamePrefix="/compare", _values=["logGroups.#", "logGroups.0.retentionInDays"])
    call("retention", "logs", "put_retention_policy", logGroupName="/compare", retentionInDays=7)
    call("retention bad", "logs", "put_retention_policy", logGroupName="/compare", retentionInDays=8)
    call("subscriptions none", "logs", "describe_subscription_filters", logGroupName="/compare", _values=["subscriptionFilters.#"])


def now_ms():
    import time

    return int(time.time() * 1000)


def events_part():
    call("rule put", "events", "put_rule", Name="compare", ScheduleExpression="rate(1 hour)")
    call("rule describe", "events", "describe_rule", Name="compare", _values=["State", "EventBusName"])
    call("rule describe missing", "events", "describe_rule", Name="none")
    call("rule disable", "events", "disable_rule", Name="compare")
    call("rule disabled", "events", "describe_rule", Name="compare", _values=["State"])
    call("rule delete", "events", "delete_rule", Name="compare")


def kms_part():
    call("key make", "kms", "create_key", KeyUsage="SIGN_VERIFY", KeySpec="ECC_NIST_P256", _keep={"kms": "KeyMetadata.KeyId"}, _values=["KeyMetadata.KeyState", "KeyMetadata.KeySpec"])
    call("sign", "kms", "sign", KeyId="@kms", Message=b"evidence", SigningAlgorithm="ECDSA_SHA_256", _values=["SigningAlgorithm"])
    call("sign too long", "kms", "sign", KeyId="@kms", Message=b"x" * 4097, SigningAlgorithm="ECDSA_SHA_256")
    call("key missing", "kms", "describe_key", KeyId="00000000-0000-4000-8000-000000000000")


def s3_part():
    B, body = "compare-bucket", b"evidence"
    right = base64.b64encode(hashlib.sha256(body).digest()).decode()
    wrong = base64.b64encode(hashlib.sha256(b"other").digest()).decode()
    put = dict(Bucket=B, Key="a", Body=body)
    call("bucket missing", "s3", "head_bucket", Bucket="no-such-bucket-here")
    call("bucket create with lock", "s3", "create_bucket", Bucket=B, ObjectLockEnabledForBucket=True)
    call("bucket versioning", "s3", "get_bucket_versioning", Bucket=B, _values=["Status"])
    call("lock configuration", "s3", "get_object_lock_configuration", Bucket=B, _values=["ObjectLockConfiguration.ObjectLockEnabled"])
    call("object put", "s3", "put_object", **put, ChecksumSHA256=right, _keep={"version": "VersionId"}, _values=["ChecksumSHA256"])
    call("object put wrong checksum", "s3", "put_object", **{**put, "Key": "w"}, ChecksumSHA256=wrong)
    call("object put malformed checksum", "s3", "put_object", **{**put, "Key": "w"}, ChecksumSHA256="nonsense")
    call("object put wrong md5", "s3", "put_object", **{**put, "Key": "w"}, ContentMD5=base64.b64encode(b"0" * 16).decode())
    call("object put if none match", "s3", "put_object", **put, IfNoneMatch="*")
    call("object put new if none match", "s3", "put_object", **{**put, "Key": "b"}, IfNoneMatch="*")
    call("object head", "s3", "head_object", Bucket=B, Key="a", ChecksumMode="ENABLED", _values=["ContentLength", "ChecksumSHA256"])
    call("object get", "s3", "get_object", Bucket=B, Key="a", _values=["Body", "ContentLength"])
    call("object get range", "s3", "get_object", Bucket=B, Key="a", Range="bytes=0-3", _values=["Body", "ContentRange"])
    call("object get bad range", "s3", "get_object", Bucket=B, Key="a", Range="bytes=900-999")
    call("object get missing", "s3", "get_object", Bucket=B, Key="none")
    call("object head missing", "s3", "head_object", Bucket=B, Key="none")
    call("object get from missing bucket", "s3", "get_object", Bucket="no-such-bucket-here", Key="a")
    call("object delete makes a marker", "s3", "delete_object", Bucket=B, Key="b", _values=["DeleteMarker"])
    call("object behind marker", "s3", "get_object", Bucket=B, Key="b")
    call("object versions", "s3", "list_object_versions", Bucket=B, _values=["Versions.#", "DeleteMarkers.#"])
    call("objects page 1", "s3", "list_objects_v2", Bucket=B, MaxKeys=1, _values=["KeyCount", "IsTruncated"])
    call("retention none", "s3", "get_object_retention", Bucket=B, Key="a")
    call("retention put", "s3", "put_object_retention", Bucket=B, Key="a", VersionId="@version", Retention={"Mode": "COMPLIANCE", "RetainUntilDate": "2099-01-01T00:00:00Z"})
    call("retention shortened", "s3", "put_object_retention", Bucket=B, Key="a", VersionId="@version", Retention={"Mode": "COMPLIANCE", "RetainUntilDate": "2098-01-01T00:00:00Z"})
    call("locked version delete", "s3", "delete_object", Bucket=B, Key="a", VersionId="@version")
    call("hold on", "s3", "put_object_legal_hold", Bucket=B, Key="a", VersionId="@version", LegalHold={"Status": "ON"})
    call("hold seen", "s3", "get_object_legal_hold", Bucket=B, Key="a", VersionId="@version", _values=["LegalHold.Status"])
    call("lock in the past", "s3", "put_object", **{**put, "Key": "p"}, ObjectLockMode="GOVERNANCE", ObjectLockRetainUntilDate="2001-01-01T00:00:00Z")
    call("bucket delete not empty", "s3", "delete_bucket", Bucket=B)
    call("bucket policy none", "s3", "get_bucket_policy", Bucket=B)
    call("bucket plain", "s3", "create_bucket", Bucket="compare-plain")
    call("lock on plain bucket", "s3", "put_object", Bucket="compare-plain", Key="a", Body=body, ObjectLockMode="GOVERNANCE", ObjectLockRetainUntilDate="2099-01-01T00:00:00Z")
    call("multipart missing", "s3", "upload_part", Bucket=B, Key="m", UploadId="none", PartNumber=1, Body=body)


for part in (iam_part, sts_part, function_part, alias_part, policy_part, concurrency_part, trigger_part, trail_part, logs_part, events_part, kms_part, s3_part):
    part()
print(json.dumps({"calls": count}))
