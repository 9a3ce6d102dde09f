"""What LocalStack core drops when a resource is created, so that Terraform's second plan would show it."""

import functools
import logging
import threading
import time
from typing import Any

from local_cloud import emulator

LOG = logging.getLogger(__name__)

# How long a new stream may take to become active, before which it takes no tags.
STREAM_TRIES, STREAM_WAIT_SECS = 100, 0.1


def keep() -> None:
    _keep_tags_of_alarms()
    _keep_tags_of_streams()
    _keep_version_of_endpoint_policies()


def _keep_tags_of_alarms() -> None:
    provider = emulator.module("services.cloudwatch.provider_v2").CloudwatchProvider

    def keeping(put: Any) -> Any:
        @functools.wraps(put)
        def put_and_tag(self: Any, context: Any, request: dict[str, Any]) -> None:
            put(self, context, request)
            if tags := request.get("Tags"):
                arn = f"arn:aws:cloudwatch:{context.region}:{context.account_id}:alarm:{request['AlarmName']}"
                self.get_store(context.account_id, context.region).TAGS.tag_resource(arn, tags)

        return put_and_tag

    provider.put_metric_alarm = keeping(provider.put_metric_alarm)
    provider.put_composite_alarm = keeping(provider.put_composite_alarm)


def _keep_tags_of_streams() -> None:
    handler = emulator.module("aws.api").handler

    @handler("CreateStream", expand=False)
    def create_stream(self: Any, context: Any, request: dict[str, Any]) -> None:
        if tags := request.get("Tags"):
            arguments = (context.account_id, context.region, request["StreamName"], tags)
            threading.Thread(target=_tag_stream, args=arguments, daemon=True).start()
        # The emulator then forwards the request to its server for Kinesis.
        raise NotImplementedError

    emulator.module("services.kinesis.provider").KinesisProvider.create_stream = create_stream


def _tag_stream(account: str, region: str, name: str, tags: dict[str, str]) -> None:
    kinesis = emulator.client("kinesis", account, region)
    for _ in range(STREAM_TRIES):
        time.sleep(STREAM_WAIT_SECS)
        try:
            summary = kinesis.describe_stream_summary(StreamName=name)["StreamDescriptionSummary"]
            if summary["StreamStatus"] == "ACTIVE":
                kinesis.add_tags_to_stream(StreamName=name, Tags=tags)
                return
        except Exception as error:  # not there yet
            LOG.debug("the tags of stream %s: %s", name, error)


def _keep_version_of_endpoint_policies() -> None:
    from moto.ec2 import ec2_backends

    provider = emulator.module("services.ec2.provider").Ec2Provider
    describe = provider.describe_vpc_endpoints

    @functools.wraps(describe)
    def describe_as_created(self: Any, context: Any, request: dict[str, Any]) -> Any:
        result = describe(self, context, request)
        known = ec2_backends[context.account_id][context.region].vpc_end_points
        for shown in result["VpcEndpoints"]:
            endpoint = known.get(shown["VpcEndpointId"])
            if endpoint and "2012-10-17" in (endpoint.policy_document or ""):
                shown["PolicyDocument"] = endpoint.policy_document
        return result

    provider.describe_vpc_endpoints = describe_as_created
