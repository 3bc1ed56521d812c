"""Calls the operations that no other script needs, each with success, so that the judge of
shapes sees an answer of every one. An error is printed as "operation: error".

usage: sweep.py ENDPOINT_URL ACCOUNT
"""

import io
import json
import sys
import zipfile

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

ENDPOINT, ACCOUNT = sys.argv[1], sys.argv[2]
config = Config(region_name="us-east-1", retries={"max_attempts": 0}, s3={"addressing_style": "path"})
clients = {}
TRUST = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}]})
ALLOW = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}]})
ROLE, POLICY = f"arn:aws:iam::{ACCOUNT}:role/sweep", f"arn:aws:iam::{ACCOUNT}:policy/sweep"
ARN = f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:sweep"


def do(service, op, **params):
    if service not in clients:
        clients[service] = boto3.client(service, endpoint_url=ENDPOINT, config=config)
    try:
        return getattr(clients[service], op)(**params)
    except (ClientError, BotoCoreError) as e:
        print(f"{service}:{op}: {e}")
        return {}


def package():
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as z:
        z.writestr("app.py", "x = 1\n")
    return out.getvalue()


def iam():
    def i(op, **p):
        return do("iam", op, **p)

    i("create_role", RoleName="sweep", AssumeRolePolicyDocument=TRUST)
    i("create_user", UserName="sweep")
    i("create_policy", PolicyName="sweep", PolicyDocument=ALLOW)
    i("create_policy_version", PolicyArn=POLICY, PolicyDocument=ALLOW, SetAsDefault=True)
    i("list_policy_versions", PolicyArn=POLICY)
    i("get_policy_version", PolicyArn=POLICY, VersionId="v1")
    i("set_default_policy_version", PolicyArn=POLICY, VersionId="v1")
    i("delete_policy_version", PolicyArn=POLICY, VersionId="v2")
    profile = dict(InstanceProfileName="sweep")
    i("create_instance_profile", **profile)
    i("add_role_to_instance_profile", RoleName="sweep", **profile)
    i("get_instance_profile", **profile)
    i("list_instance_profiles")
    i("list_instance_profiles_for_role", RoleName="sweep")
    i("remove_role_from_instance_profile", RoleName="sweep", **profile)
    i("delete_instance_profile", **profile)
    provider = i("create_open_id_connect_provider", Url="https://token.example.com", ClientIDList=["a"], ThumbprintList=["0" * 40]).get("OpenIDConnectProviderArn", "none")
    i("get_open_id_connect_provider", OpenIDConnectProviderArn=provider)
    i("list_open_id_connect_providers")
    i("delete_open_id_connect_provider", OpenIDConnectProviderArn=provider)
    u = dict(UserName="sweep")
    i("create_login_profile", Password="Correct-horse-1-battery", **u)
    i("get_login_profile", **u)
    i("delete_login_profile", **u)
    key = i("create_access_key", **u).get("AccessKey", {}).get("AccessKeyId", "AKIAAAAAAAAAAAAAAAAA")
    i("get_access_key_last_used", AccessKeyId=key)
    do("sts", "get_access_key_info", AccessKeyId=key)
    i("delete_access_key", AccessKeyId=key, **u)
    i("get_user", **u)
    i("put_user_policy", PolicyName="p", PolicyDocument=ALLOW, **u)
    i("get_user_policy", PolicyName="p", **u)
    i("list_user_policies", **u)
    i("delete_user_policy", PolicyName="p", **u)
    i("attach_user_policy", PolicyArn=POLICY, **u)
    i("list_attached_user_policies", **u)
    i("detach_user_policy", PolicyArn=POLICY, **u)
    i("put_user_permissions_boundary", PermissionsBoundary=POLICY, **u)
    i("delete_user_permissions_boundary", **u)
    i("list_groups_for_user", **u)
    i("list_mfa_devices", **u)
    i("tag_user", Tags=[{"Key": "a", "Value": "b"}], **u)
    i("list_user_tags", **u)
    i("untag_user", TagKeys=["a"], **u)
    i("delete_user", **u)
    r = dict(RoleName="sweep")
    i("tag_role", Tags=[{"Key": "a", "Value": "b"}], **r)
    i("list_role_tags", **r)
    i("untag_role", TagKeys=["a"], **r)
    i("update_role_description", Description="d", **r)
    i("put_role_policy", PolicyName="p", PolicyDocument=ALLOW, **r)
    i("get_role_policy", PolicyName="p", **r)
    i("attach_role_policy", PolicyArn=POLICY, **r)
    i("detach_role_policy", PolicyArn=POLICY, **r)
    i("delete_policy", PolicyArn=POLICY)


def functions():
    def f(op, **p):
        return do("lambda", op, **p)

    n = dict(FunctionName="sweep")
    f("create_function", Role=ROLE, Runtime="python3.12", Handler="app.h", Code={"ZipFile": package()}, Publish=True, **n)
    f("get_function_configuration", **n)
    f("create_alias", Name="live", FunctionVersion="1", **n)
    f("get_alias", Name="live", **n)
    f("update_alias", Name="live", Description="d", **n)
    f("list_aliases", **n)
    live = dict(Qualifier="live", **n)
    f("put_provisioned_concurrency_config", ProvisionedConcurrentExecutions=1, **live)
    f("get_provisioned_concurrency_config", **live)
    f("list_provisioned_concurrency_configs", **n)
    f("delete_provisioned_concurrency_config", **live)
    f("delete_alias", Name="live", **n)
    f("create_function_url_config", AuthType="NONE", **n)
    f("get_function_url_config", **n)
    f("update_function_url_config", AuthType="AWS_IAM", **n)
    f("list_function_url_configs", **n)
    f("delete_function_url_config", **n)
    f("put_function_event_invoke_config", MaximumRetryAttempts=1, **n)
    f("get_function_event_invoke_config", **n)
    f("update_function_event_invoke_config", MaximumRetryAttempts=0, **n)
    f("list_function_event_invoke_configs", **n)
    f("delete_function_event_invoke_config", **n)
    f("put_function_recursion_config", RecursiveLoop="Allow", **n)
    f("get_function_recursion_config", **n)
    f("put_runtime_management_config", UpdateRuntimeOn="FunctionUpdate", **n)
    f("get_runtime_management_config", **n)
    f("list_durable_executions_by_function", **n)
    f("tag_resource", Resource=ARN, Tags={"a": "b"})
    f("list_tags", Resource=ARN)
    f("untag_resource", Resource=ARN, TagKeys=["a"])
    do("sqs", "create_queue", QueueName="sweep")
    m = f("create_event_source_mapping", EventSourceArn=f"arn:aws:sqs:us-east-1:{ACCOUNT}:sweep", **n).get("UUID", "none")
    f("list_event_source_mappings", **n)
    f("delete_event_source_mapping", UUID=m)
    layer = f("publish_layer_version", LayerName="sweep", Content={"ZipFile": package()})
    v = dict(LayerName="sweep", VersionNumber=1)
    f("get_layer_version", **v)
    f("get_layer_version_by_arn", Arn=layer.get("LayerVersionArn", "none"))
    f("add_layer_version_permission", StatementId="s", Action="lambda:GetLayerVersion", Principal="*", **v)
    f("get_layer_version_policy", **v)
    f("remove_layer_version_permission", StatementId="s", **v)
    f("list_layers")
    f("list_layer_versions", LayerName="sweep")
    f("delete_layer_version", **v)
    publisher = {"SigningProfileVersionArns": [f"arn:aws:signer:us-east-1:{ACCOUNT}:/signing-profiles/p/abcdefghij"]}
    c = f("create_code_signing_config", AllowedPublishers=publisher).get("CodeSigningConfig", {}).get("CodeSigningConfigArn", "none")
    k = dict(CodeSigningConfigArn=c)
    f("get_code_signing_config", **k)
    f("list_code_signing_configs")
    f("update_code_signing_config", Description="d", **k)
    f("put_function_code_signing_config", **k, **n)
    f("get_function_code_signing_config", **n)
    f("list_functions_by_code_signing_config", **k)
    f("delete_function_code_signing_config", **n)
    f("delete_code_signing_config", **k)
    f("delete_function", **n)


def events():
    def e(op, **p):
        return do("events", op, **p)

    e("create_event_bus", Name="sweep")
    e("describe_event_bus", Name="sweep")
    e("list_event_buses")
    e("put_rule", Name="sweep", ScheduleExpression="rate(1 hour)")
    e("describe_rule", Name="sweep")
    e("list_rules")
    target = f"arn:aws:sqs:us-east-1:{ACCOUNT}:sweep"
    e("put_targets", Rule="sweep", Targets=[{"Id": "1", "Arn": target}])
    e("list_targets_by_rule", Rule="sweep")
    e("list_rule_names_by_target", TargetArn=target)
    e("disable_rule", Name="sweep")
    e("enable_rule", Name="sweep")
    e("remove_targets", Rule="sweep", Ids=["1"])
    e("delete_rule", Name="sweep")
    e("delete_event_bus", Name="sweep")


def logs():
    def g(op, **p):
        return do("logs", op, **p)

    import time

    n, s = dict(logGroupName="/sweep"), dict(logGroupName="/sweep", logStreamName="s")
    g("create_log_group", **n)
    g("create_log_stream", **s)
    g("put_log_events", logEvents=[{"timestamp": int(time.time() * 1000), "message": "m"}], **s)
    g("get_log_events", **s)
    g("filter_log_events", **n)
    g("describe_log_groups")
    g("describe_log_streams", **n)
    g("put_retention_policy", retentionInDays=7, **n)
    g("delete_retention_policy", **n)
    g("put_subscription_filter", filterName="f", filterPattern="", destinationArn=f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:sink", **n)
    g("describe_subscription_filters", **n)
    g("delete_subscription_filter", filterName="f", **n)
    g("delete_log_stream", **s)
    g("delete_log_group", **n)


def keys():
    def k(op, **p):
        return do("kms", op, **p)

    meta = k("create_key").get("KeyMetadata", {})
    n = dict(KeyId=meta.get("KeyId", "none"))
    k("create_alias", AliasName="alias/sweep", TargetKeyId=n["KeyId"])
    k("update_alias", AliasName="alias/sweep", TargetKeyId=n["KeyId"])
    k("delete_alias", AliasName="alias/sweep")
    k("enable_key_rotation", **n)
    k("disable_key_rotation", **n)
    k("generate_data_key_without_plaintext", KeySpec="AES_256", **n)
    k("generate_random", NumberOfBytes=16)
    k("list_key_policies", **n)
    k("tag_resource", Tags=[{"TagKey": "a", "TagValue": "b"}], **n)
    k("list_resource_tags", **n)
    k("untag_resource", TagKeys=["a"], **n)
    k("update_key_description", Description="d", **n)
    g = k("create_grant", GranteePrincipal=ROLE, RetiringPrincipal=ROLE, Operations=["Decrypt"], **n)
    k("list_retirable_grants", RetiringPrincipal=ROLE)
    k("retire_grant", GrantToken=g.get("GrantToken", "none"))


def buckets():
    def b(op, **p):
        return do("s3", op, Bucket="sweep-bucket", **p)

    b("create_bucket")
    b("head_bucket")
    b("put_object", Key="a", Body=b"x")
    b("list_objects")
    b("put_object_tagging", Key="a", Tagging={"TagSet": [{"Key": "a", "Value": "b"}]})
    b("get_object_tagging", Key="a")
    b("delete_object_tagging", Key="a")
    b("get_bucket_acl")
    b("get_object_acl", Key="a")
    b("put_bucket_cors", CORSConfiguration={"CORSRules": [{"AllowedMethods": ["GET"], "AllowedOrigins": ["*"]}]})
    b("get_bucket_cors")
    b("delete_bucket_cors")
    b("put_bucket_encryption", ServerSideEncryptionConfiguration={"Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}]})
    b("delete_bucket_encryption")
    b("put_bucket_lifecycle_configuration", LifecycleConfiguration={"Rules": [{"ID": "r", "Status": "Enabled", "Filter": {"Prefix": "x"}, "Expiration": {"Days": 1}}]})
    b("get_bucket_lifecycle_configuration")
    b("delete_bucket_lifecycle")
    b("put_bucket_ownership_controls", OwnershipControls={"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]})
    b("get_bucket_ownership_controls")
    b("put_public_access_block", PublicAccessBlockConfiguration={"BlockPublicAcls": True})
    b("get_public_access_block")
    b("put_bucket_policy", Policy=json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"AWS": ACCOUNT}, "Action": "s3:GetObject", "Resource": "arn:aws:s3:::sweep-bucket/*"}]}))
    b("get_bucket_policy_status")
    b("put_bucket_notification_configuration", NotificationConfiguration={})
    b("put_bucket_tagging", Tagging={"TagSet": [{"Key": "a", "Value": "b"}]})
    b("delete_bucket_tagging")
    b("delete_bucket_replication")
    do("s3", "create_bucket", Bucket="sweep-trail")
    do("s3", "put_bucket_policy", Bucket="sweep-trail", Policy=json.dumps({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": {"Service": "cloudtrail.amazonaws.com"}, "Action": "s3:GetBucketAcl", "Resource": "arn:aws:s3:::sweep-trail"},
        {"Effect": "Allow", "Principal": {"Service": "cloudtrail.amazonaws.com"}, "Action": "s3:PutObject", "Resource": "arn:aws:s3:::sweep-trail/*"}]}))


def trails():
    def t(op, **p):
        return do("cloudtrail", op, **p)

    arn = t("create_trail", Name="sweep", S3BucketName="sweep-trail").get("TrailARN", f"arn:aws:cloudtrail:us-east-1:{ACCOUNT}:trail/sweep")
    t("describe_trails")
    t("get_trail", Name="sweep")
    t("get_trail_status", Name="sweep")
    t("get_event_selectors", TrailName="sweep")
    t("start_logging", Name="sweep")
    t("update_trail", Name="sweep", IncludeGlobalServiceEvents=True)
    t("list_trails")
    t("list_tags", ResourceIdList=[arn])
    t("list_public_keys")
    t("lookup_events")


def queues():
    def q(op, **p):
        return do("sqs", op, **p)

    url = q("create_queue", QueueName="sweep-2").get("QueueUrl", "none")
    u = dict(QueueUrl=url)
    q("get_queue_url", QueueName="sweep-2")
    q("list_queues")
    q("set_queue_attributes", Attributes={"VisibilityTimeout": "5"}, **u)
    q("get_queue_attributes", AttributeNames=["All"], **u)
    q("tag_queue", Tags={"a": "b"}, **u)
    q("list_queue_tags", **u)
    q("untag_queue", TagKeys=["a"], **u)
    q("send_message", MessageBody="m", **u)
    got = q("receive_message", **u).get("Messages", [{}])[0].get("ReceiptHandle", "none")
    q("change_message_visibility", ReceiptHandle=got, VisibilityTimeout=9, **u)
    q("delete_message", ReceiptHandle=got, **u)
    q("purge_queue", **u)
    q("delete_queue", **u)


for part in (iam, functions, events, logs, keys, buckets, trails, queues):
    part()
