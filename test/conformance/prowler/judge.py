"""Asks Prowler. judge.py run CHECK...: one line of JSON for each thing that a check found, of the
account that the environment names, and one for each check that could not be run. judge.py names:
what its package says of its checks and of others' controls."""

import importlib
import json
import logging
import os
import sys


def run(checks):
    from prowler.lib.logger import logger
    from prowler.providers.aws.aws_provider import AwsProvider
    from prowler.providers.common.models import Audit_Metadata
    from prowler.providers.common.provider import Provider

    logger.setLevel(logging.ERROR)
    # Once: what is not simulated is answered so, and would be asked for again and again.
    provider = AwsProvider(regions={os.environ["AWS_REGION"]}, retries_max_attempts=1)
    provider.audit_metadata = Audit_Metadata(services_scanned=0, expected_checks=checks, completed_checks=0, audit_progress=0)
    Provider.set_global_provider(provider)
    for name in checks:
        service = name.split("_")[0]
        module = importlib.import_module(f"prowler.providers.aws.services.{service}.{name}.{name}")
        for found in getattr(module, name)().execute():
            print(json.dumps({"check": name, "status": found.status, "arn": found.resource_arn, "id": found.resource_id, "said": found.status_extended}))


def names():
    import pathlib

    import prowler

    root = pathlib.Path(prowler.__file__).parent
    framework = lambda file: {r["Id"]: r["Checks"] for r in json.loads((root / "compliance/aws" / file).read_text())["Requirements"]}
    checks, linked = {}, set()
    for path in (root / "providers/aws/services").glob("*/*/*.metadata.json"):
        about = json.loads(path.read_text())
        checks[about["CheckID"]] = about["Severity"]
        for link in [about.get("RelatedUrl", ""), *about.get("AdditionalURLs", [])]:
            if "-controls.html#" in link:
                linked.add(link.split("#")[1])
    print(json.dumps({
        "checks": checks,
        "fsbp": framework("aws_foundational_security_best_practices_aws.json"),
        "cis3": framework("cis_3.0_aws.json"),
        "linked": sorted(linked),
    }))


if __name__ == "__main__":
    run(sys.argv[2:]) if sys.argv[1] == "run" else names()
