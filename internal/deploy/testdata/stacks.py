"""Makes the stacks of printed templates on moto, sends alerts through its EventBridge, signs with its
KMS, and says what there is: JSON on stdout.

All is one account here: an alert comes to the queue by the rules of the security account, and once more
by the member's, over the bus of members.

usage: stacks.py ENDPOINT SECURITY.yaml MEMBER.yaml ALERTS.json KEYSPEC KEYUSAGE
"""
import ast
import base64
import json
import sys

import boto3

endpoint, security, member, alerts, spec, usage = sys.argv[1:7]
REGION = "us-east-1"


def client(service):
    return boto3.client(service, endpoint_url=endpoint, region_name=REGION, aws_access_key_id="test", aws_secret_access_key="test")


def stack(name, path, **parameters):
    cf = client("cloudformation")
    cf.create_stack(StackName=name, TemplateBody=open(path).read(), Capabilities=["CAPABILITY_NAMED_IAM"],
                    Parameters=[{"ParameterKey": k, "ParameterValue": v} for k, v in parameters.items()])
    made = cf.describe_stacks(StackName=name)["Stacks"][0]
    return {
        "status": made["StackStatus"],
        "outputs": {o["OutputKey"]: o["OutputValue"] for o in made.get("Outputs", [])},
        "resources": {r["LogicalResourceId"]: {"type": r["ResourceType"], "id": r.get("PhysicalResourceId", "")} for r in cf.describe_stack_resources(StackName=name)["StackResources"] if "LogicalResourceId" in r},
    }


def role(name):
    iam = client("iam")
    return {
        "trust": document(iam.get_role(RoleName=name)["Role"]["AssumeRolePolicyDocument"]),
        "policies": {p: document(iam.get_role_policy(RoleName=name, PolicyName=p)["PolicyDocument"]) for p in iam.list_role_policies(RoleName=name)["PolicyNames"]},
    }


def document(policy):
    """moto keeps what CloudFormation gives as it is, and answers with it or with how Python writes it."""
    if not isinstance(policy, str):
        return policy
    try:
        return json.loads(policy)
    except json.JSONDecodeError:
        return ast.literal_eval(policy)


ec2 = client("ec2")
vpc = ec2.describe_vpcs()["Vpcs"][0]["VpcId"]
subnet = ec2.describe_subnets(Filters=[{"Name": "vpc-id", "Values": [vpc]}])["Subnets"][0]["SubnetId"]
out = {}
sec = out["security"] = stack("security", security, Image="freezeframe@sha256:0", VpcId=vpc, SubnetIds=subnet, ExternalId="0123456789abcdef-external",
                              Recipient="age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p", Authority="a test", OrganizationId="o-abcdefghij", WatchCalls="yes")
mem = out["member"] = stack("member", member, WorkerRoleArn=sec["outputs"]["WorkerRoleArn"], ExternalId="0123456789abcdef-external",
                            SecurityBusArn=sec["outputs"]["MemberBusArn"], HomeRegion=REGION, Containment="yes", WatchCalls="yes")
out["roles"] = {name: role(name) for name in ("freezeframe-worker", "freezeframe-collect", "freezeframe-contain")}

kms = client("kms")
keys = {name: sec["resources"][name]["id"] for name in ("EncryptionKey", "SigningKey")}
out["keys"] = {name: document(kms.get_key_policy(KeyId=i, PolicyName="default")["Policy"]) for name, i in keys.items()}
# moto's keys of a stack hold their policy as it came, and fail over it when they are used: the same
# key, made by its API, signs.
signer = kms.create_key(KeySpec=spec, KeyUsage=usage, Policy=json.dumps(out["keys"]["SigningKey"]))["KeyMetadata"]["KeyId"]
head = b"a head of a ledger\n"
out["signed"] = {
    "message": base64.b64encode(head).decode(),
    "signature": base64.b64encode(kms.sign(KeyId=signer, Message=head, MessageType="RAW", SigningAlgorithm="ECDSA_SHA_256")["Signature"]).decode(),
    "public": base64.b64encode(kms.get_public_key(KeyId=signer)["PublicKey"]).decode(),
}

sqs, events = client("sqs"), client("events")
url = sec["outputs"]["QueueUrl"]
out["queue"] = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
out["rules"] = {r["Name"]: {"state": r["State"], "targets": [t["Arn"] for t in events.list_targets_by_rule(Rule=r["Name"])["Targets"]]} for r in events.list_rules()["Rules"]}
out["arrived"] = {}
for name, event in json.load(open(alerts)).items():
    events.put_events(Entries=[{"Source": event["source"], "DetailType": event["detail-type"], "Detail": json.dumps(event["detail"]), "Resources": event.get("resources", [])}])
    got = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])
    for m in got:
        sqs.delete_message(QueueUrl=url, ReceiptHandle=m["ReceiptHandle"])
    out["arrived"][name] = len(got)
json.dump(out, sys.stdout, indent=1, sort_keys=True)
