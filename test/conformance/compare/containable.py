"""Makes on an emulator what acts of containment need to find, beside what seed.py makes, one
function for each act. What an emulator refuses is told by the act's name, in its own words.

used by contained.py
"""

import json

from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError
from seed import package, ready

REGION = "us-east-1"
FOREIGN = "999988887777"
ROTATES = "def handler(event, context):\n    return {}\n"


class Containable:
    def __init__(self, client, account):
        self.client, self.account = client, account
        self.function = f"arn:aws:lambda:{REGION}:{account}:function:payments"
        self.role = f"arn:aws:iam::{account}:role/payments-role"
        self.queue = f"arn:aws:sqs:{REGION}:{account}:orders"
        self.found = {}  # what the emulator named by itself: act -> its id or ARN

    def seed(self):
        """Makes everything; gives what was made, and what was refused."""
        refused = {}
        for act, make in self.makers():
            try:
                made = make()
            except ClientError as e:
                refused[act] = f"{e.operation_name}: {e.response['Error'].get('Code')}: {e.response['Error'].get('Message')}"
            except KeyError as e:
                refused[act] = f"its answer has no {e}"
            except (BotoCoreError, ResponseParserError, ValueError) as e:  # the last but one: a page of HTML
                refused[act] = f"{type(e).__name__}: {e}"
            else:
                if made:
                    self.found[act] = made
        return {"found": self.found, "refused": refused}

    def makers(self):
        return [(n.replace("_", "-")[len("make-"):], getattr(self, n)) for n in dir(self) if n.startswith("make_")]

    def lam(self, op, name="payments", **params):
        out = getattr(self.client("lambda"), op)(FunctionName=name, **params)
        return out

    def grant(self, sid, service, source):
        self.lam("add_permission", StatementId=sid, Action="lambda:InvokeFunction", Principal=service, SourceArn=source)

    def rule(self, name, *targets):
        e = self.client("events")
        arn = e.put_rule(Name=name, ScheduleExpression="rate(1 day)")["RuleArn"]
        e.put_targets(Rule=name, Targets=[{"Id": str(i), "Arn": t} for i, t in enumerate(targets)])
        self.grant(name, "events.amazonaws.com", arn)
        return arn

    def make_rules_off(self):
        return self.rule("nightly", self.function)

    def make_rule_targets_park(self):
        return self.rule("shared", self.function, self.queue)

    def make_schedules_off(self):
        self.client("scheduler").create_schedule(Name="hourly", ScheduleExpression="rate(1 hour)", FlexibleTimeWindow={"Mode": "OFF"}, Target={"Arn": self.function, "RoleArn": self.role, "Input": '{"a":1}'})

    def make_notifications_off(self):
        s3 = self.client("s3")
        s3.create_bucket(Bucket="incoming-of-payments")
        self.grant("incoming", "s3.amazonaws.com", "arn:aws:s3:::incoming-of-payments")
        s3.put_bucket_notification_configuration(Bucket="incoming-of-payments", NotificationConfiguration={
            "LambdaFunctionConfigurations": [{"Id": "new", "LambdaFunctionArn": self.function, "Events": ["s3:ObjectCreated:*"]}],
            "QueueConfigurations": [{"Id": "kept", "QueueArn": self.queue, "Events": ["s3:ObjectRemoved:*"]}]})

    def make_subscriptions_off(self):
        sns = self.client("sns")
        topic = sns.create_topic(Name="news")["TopicArn"]
        self.grant("news", "sns.amazonaws.com", topic)
        sns.subscribe(TopicArn=topic, Protocol="lambda", Endpoint=self.function)
        return topic

    def subscription(self):
        return next(s["SubscriptionArn"] for s in self.client("sns").list_subscriptions()["Subscriptions"] if s["Endpoint"] == self.function)

    def make_log_filters_off(self):
        logs = self.client("logs")
        logs.create_log_group(logGroupName="/shop/app")
        self.grant("app", "logs.amazonaws.com", f"arn:aws:logs:{REGION}:{self.account}:log-group:/shop/app:*")
        logs.put_subscription_filter(logGroupName="/shop/app", filterName="to-payments", filterPattern="ERROR", destinationArn=self.function)

    def make_pipes_stop(self):
        self.client("pipes").create_pipe(Name="stream", RoleArn=self.role, Source=self.queue, Target=self.function)

    def make_destinations_clear(self):
        self.lam("put_function_event_invoke_config", Qualifier="$LATEST", MaximumRetryAttempts=1, DestinationConfig={"OnFailure": {"Destination": f"arn:aws:events:{REGION}:{FOREIGN}:event-bus/theirs"}})
        self.lam("update_function_event_invoke_config", Qualifier="$LATEST", MaximumRetryAttempts=1)  # what the act calls

    def make_deadletter_clear(self):
        self.lam("update_function_configuration", DeadLetterConfig={"TargetArn": f"arn:aws:sqs:{REGION}:{FOREIGN}:theirs"})
        ready(self.client("lambda"))
        if not self.lam("get_function_configuration").get("DeadLetterConfig"):
            raise ValueError("UpdateFunctionConfiguration: DeadLetterConfig is not kept")

    def make_autoscaling_suspend(self):
        self.client("application-autoscaling").register_scalable_target(ServiceNamespace="lambda", ResourceId="function:payments:live", ScalableDimension="lambda:function:ProvisionedConcurrency", MinCapacity=1, MaxCapacity=3,
                                                                            SuspendedState={"DynamicScalingInSuspended": False, "DynamicScalingOutSuspended": False, "ScheduledScalingSuspended": False})

    def make_provisioned_delete(self):
        self.lam("put_provisioned_concurrency_config", Qualifier="live", ProvisionedConcurrentExecutions=1)

    def make_instances_zero(self):
        lam = self.client("lambda")
        lam.create_capacity_provider(CapacityProviderName="own", VpcConfig={"SubnetIds": ["subnet-1"], "SecurityGroupIds": ["sg-1"]}, PermissionsConfig={"CapacityProviderOperatorRoleArn": self.role})
        lam.put_function_scaling_config(FunctionName="payments", Qualifier="$LATEST.PUBLISHED", FunctionScalingConfig={"MinExecutionEnvironments": 1, "MaxExecutionEnvironments": 3})

    def make_edge_detach(self):
        """A distribution that calls version 1."""
        config = {
            "CallerReference": "front", "Comment": "", "Enabled": True,
            "Origins": {"Quantity": 1, "Items": [{"Id": "o", "DomainName": "example.com", "CustomOriginConfig": {"HTTPPort": 80, "HTTPSPort": 443, "OriginProtocolPolicy": "https-only"}}]},
            "DefaultCacheBehavior": {"TargetOriginId": "o", "ViewerProtocolPolicy": "https-only", "MinTTL": 0, "ForwardedValues": {"QueryString": False, "Cookies": {"Forward": "none"}},
                                     "LambdaFunctionAssociations": {"Quantity": 1, "Items": [{"LambdaFunctionARN": self.function + ":1", "EventType": "viewer-request", "IncludeBody": False}]}},
        }
        made = self.client("cloudfront").create_distribution(DistributionConfig=config)["Distribution"]
        kept = self.client("cloudfront").get_distribution_config(Id=made["Id"])["DistributionConfig"]["DefaultCacheBehavior"]
        if not kept.get("LambdaFunctionAssociations", {}).get("Quantity"):
            raise ValueError("CreateDistribution: LambdaFunctionAssociations are not kept")
        return made["Id"]

    def make_durable_stop(self):
        """An emulator that keeps none has nothing to stop: one is begun as AWS begins them."""
        self.client("lambda").list_durable_executions_by_function(FunctionName="payments")
        self.made_function("steps", self.role, Runtime="python3.13", Handler="app.handler", Code={"ZipFile": package(ROTATES)}, DurableConfig={"ExecutionTimeout": 3600, "RetentionPeriodInDays": 1})
        if not self.lam("get_function_configuration", "steps").get("DurableConfig"):
            raise ValueError("CreateFunction: DurableConfig is not kept")
        self.lam("publish_version", "steps")
        self.lam("invoke", "steps", Qualifier="1", InvocationType="Event", Payload=b"{}")
        if not self.lam("list_durable_executions_by_function", "steps").get("DurableExecutions"):
            raise ValueError("Invoke: begins no durable execution")

    def intrude(self):
        """Another environment, other tags; "" or what was refused."""
        self.was = self.lam("get_function_configuration").get("Environment", {}).get("Variables", {})
        try:
            self.lam("update_function_configuration", Environment={"Variables": {**self.was, "LD_PRELOAD": "/tmp/x.so"}})
            ready(self.client("lambda"))
            self.client("lambda").tag_resource(Resource=self.function, Tags={"owner": "mallory"})
            self.client("iam").tag_role(RoleName="payments-role", Tags=[{"Key": "owner", "Value": "mallory"}])
        except ClientError as e:
            return f"{e.operation_name}: {e.response['Error'].get('Code')}: {e.response['Error'].get('Message')}"
        return ""

    def forget(self):
        self.lam("update_function_configuration", Environment={"Variables": self.was})
        ready(self.client("lambda"))
        self.client("lambda").untag_resource(Resource=self.function, TagKeys=["owner"])
        self.client("iam").untag_role(RoleName="payments-role", TagKeys=["owner"])
        return ""

    def make_recursion_end(self):
        self.lam("put_function_recursion_config", RecursiveLoop="Allow")

    def make_policy_deny(self):
        self.write_policy()

    def make_grants_remove(self):
        self.write_policy()  # the grant itself is seed.py's: this is what brings it back

    def write_policy(self):
        self.client("lambda").put_resource_policy(ResourceArn=self.function + ":2", Policy=json.dumps({"Version": "2012-10-17", "Statement": []}))

    def make_url_iam(self):
        self.lam("create_function_url_config", AuthType="NONE")

    def make_key_inactive(self):
        iam = self.client("iam")
        iam.create_user(UserName="mallory")
        iam.put_user_policy(UserName="mallory", PolicyName="work", PolicyDocument=policy("s3:*"))
        iam.create_access_key(UserName="mallory")

    def trusting(self, name, *theirs):
        own = {"Sid": "own", "Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
        self.client("iam").create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [own, *theirs]}))

    def make_trust_outsiders(self):
        self.trusting("lent", {"Sid": "theirs", "Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{FOREIGN}:root"}, "Action": "sts:AssumeRole"})

    def make_provider_distrust(self):
        provider = self.client("iam").create_open_id_connect_provider(Url="https://token.example.com", ClientIDList=["sts.amazonaws.com"], ThumbprintList=["0" * 40])["OpenIDConnectProviderArn"]
        self.trusting("deploy", {"Sid": "web", "Effect": "Allow", "Principal": {"Federated": provider}, "Action": "sts:AssumeRoleWithWebIdentity"})
        return provider

    def make_key_deletion_cancel(self):
        kms = self.client("kms")
        key = kms.create_key()["KeyMetadata"]
        kms.schedule_key_deletion(KeyId=key["KeyId"], PendingWindowInDays=7)
        return key["Arn"]

    def make_secret_restore(self):
        s = self.client("secretsmanager")
        arn = s.create_secret(Name="shop/doomed", SecretString="x")["ARN"]
        s.delete_secret(SecretId=arn, RecoveryWindowInDays=7)
        return arn

    def trail(self, name):
        self.client("s3").create_bucket(Bucket="audit-of-" + name)
        self.client("s3").put_bucket_policy(Bucket="audit-of-" + name, Policy=json.dumps({"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Principal": {"Service": "cloudtrail.amazonaws.com"}, "Action": "s3:GetBucketAcl", "Resource": "arn:aws:s3:::audit-of-" + name},
            {"Effect": "Allow", "Principal": {"Service": "cloudtrail.amazonaws.com"}, "Action": "s3:PutObject", "Resource": f"arn:aws:s3:::audit-of-{name}/*"}]}))
        arn = self.client("cloudtrail").create_trail(Name=name, S3BucketName="audit-of-" + name)["TrailARN"]
        self.client("cloudtrail").start_logging(Name=name)
        return arn

    def make_logging_start(self):
        arn = self.trail("stopped")
        self.client("cloudtrail").stop_logging(Name="stopped")
        return arn

    def make_data_events_on(self):
        arn = self.trail("management")  # as AWS makes one: with the management events, and no data events
        self.client("cloudtrail").put_event_selectors(TrailName="management", EventSelectors=[{"ReadWriteType": "All", "IncludeManagementEvents": True, "DataResources": [], "ExcludeManagementEventSources": []}])
        return arn

    def group(self, name):
        logs = self.client("logs")
        logs.create_log_group(logGroupName=name)
        logs.put_retention_policy(logGroupName=name, retentionInDays=3)
        return f"arn:aws:logs:{REGION}:{self.account}:log-group:{name}"

    def make_retention_longer(self):
        return self.group("/shop/short")

    def make_log_group_protection(self):
        arn, logs = self.group("/shop/bare"), self.client("logs")
        logs.put_log_group_deletion_protection(logGroupIdentifier="/shop/bare", deletionProtectionEnabled=True)
        if not logs.describe_log_groups(logGroupNamePrefix="/shop/bare")["logGroups"][0].get("deletionProtectionEnabled"):
            raise ValueError("PutLogGroupDeletionProtection: is answered with 200 and not kept")
        logs.put_log_group_deletion_protection(logGroupIdentifier="/shop/bare", deletionProtectionEnabled=False)
        return arn

    def make_alias_back(self):
        self.lam("create_alias", Name="astray", FunctionVersion="2", RoutingConfig={"AdditionalVersionWeights": {"1": 0.5}})

    def make_configuration_back(self):
        self.lam("update_function_configuration", Handler="evil.handler", Timeout=99, Description="changed")
        ready(self.client("lambda"))

    def made_function(self, name, role, **params):
        lam = self.client("lambda")
        lam.create_function(FunctionName=name, Role=role, **params)
        ready(lam, name)

    def make_network_quarantine(self):
        ec2 = self.client("ec2")
        vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.0.0/24")["Subnet"]["SubnetId"]
        own = ec2.create_security_group(GroupName="own", Description="own", VpcId=vpc)["GroupId"]
        shut = ec2.create_security_group(GroupName="shut", Description="lets nothing out", VpcId=vpc)["GroupId"]
        all_out = ec2.describe_security_groups(GroupIds=[shut])["SecurityGroups"][0]["IpPermissionsEgress"]
        if all_out:
            ec2.revoke_security_group_egress(GroupId=shut, IpPermissions=all_out)
        self.made_function("inside", self.role, Runtime="python3.12", Handler="app.handler", Code={"ZipFile": package("x = 1\n")}, VpcConfig={"SubnetIds": [subnet], "SecurityGroupIds": [own]})
        return shut

    def make_code_signing_enforce(self):
        publisher = {"SigningProfileVersionArns": [f"arn:aws:signer:{REGION}:{self.account}:/signing-profiles/p/abcdefghij"]}
        return self.client("lambda").create_code_signing_config(AllowedPublishers=publisher, CodeSigningPolicies={"UntrustedArtifactOnDeployment": "Enforce"})["CodeSigningConfig"]["CodeSigningConfigArn"]

    def make_secret_rotate(self):
        vault, iam = self.client("secretsmanager"), self.client("iam")
        arn = vault.create_secret(Name="shop/read", SecretString="x")["ARN"]
        reads = {"Effect": "Allow", "Action": "secretsmanager:*", "Resource": arn}
        for name, more in (("leaky", [{"Effect": "Deny", "Action": "*", "Resource": "*"}]), ("rotator", [])):
            self.trusting(name + "-role")
            iam.put_role_policy(RoleName=name + "-role", PolicyName="secrets", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [reads, *more]}))
            self.made_function(name, f"arn:aws:iam::{self.account}:role/{name}-role", Runtime="python3.12", Handler="app.handler", Code={"ZipFile": package(ROTATES)})
        iam.simulate_principal_policy(PolicySourceArn=f"arn:aws:iam::{self.account}:role/leaky-role", ActionNames=["secretsmanager:GetSecretValue"], ResourceArns=[arn])
        vault.rotate_secret(SecretId=arn, RotateImmediately=False, RotationLambdaARN=self.function.replace("payments", "rotator"))

    def overwrite(self):
        """Overwrites the code, which is done after it was collected."""
        self.lam("update_function_code", ZipFile=package("evil = 3\n"))
        ready(self.client("lambda"))
        return {}


def policy(action):
    return json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": action, "Resource": "*"}]})
