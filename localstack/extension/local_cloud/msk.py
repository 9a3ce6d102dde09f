"""MSK's control plane in memory: clusters, configurations, secrets, policies and tags. There is no broker behind it.

moto's own has no bootstrap brokers, no configurations and no secrets, and its clusters stay CREATING. An update is done
when it is answered. GetBootstrapBrokers answers LOCAL_CLOUD_MSK_BROKERS.
"""

import os
import uuid
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from local_cloud.moto_service import Handler, failure

Document = dict[str, Any]


@dataclass
class Store:
    """What one account has in one region, by ARN."""

    clusters: dict[str, Document] = field(default_factory=dict)
    configurations: dict[str, Document] = field(default_factory=dict)
    operations: dict[str, Document] = field(default_factory=dict)
    policies: dict[str, Document] = field(default_factory=dict)
    secrets: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    tags: dict[str, dict[str, str]] = field(default_factory=lambda: defaultdict(dict))


_stores: dict[tuple[str, str], Store] = defaultdict(Store)


def handlers() -> dict[str, Handler]:
    return {operation: _in_camel_case(handler) for operation, handler in _handlers().items()}


def _handlers() -> dict[str, Handler]:
    return {
        "CreateCluster": create_cluster,
        "CreateClusterV2": create_cluster_v2,
        "DescribeCluster": describe_cluster,
        "DescribeClusterV2": describe_cluster_v2,
        "ListClusters": list_clusters,
        "ListClustersV2": list_clusters_v2,
        "ListNodes": list_nodes,
        "DeleteCluster": delete_cluster,
        "GetBootstrapBrokers": get_bootstrap_brokers,
        "UpdateBrokerCount": _update(),
        "UpdateBrokerStorage": _update(),
        "UpdateBrokerType": _update(),
        "UpdateClusterKafkaVersion": _update("configurationInfo"),
        "UpdateClusterConfiguration": _update("configurationInfo"),
        "UpdateSecurity": _update("clientAuthentication", "encryptionInfo"),
        "UpdateMonitoring": _update("enhancedMonitoring", "openMonitoring", "loggingInfo"),
        "DescribeClusterOperation": describe_operation,
        "CreateConfiguration": create_configuration,
        "DescribeConfiguration": describe_configuration,
        "DescribeConfigurationRevision": describe_configuration_revision,
        "UpdateConfiguration": update_configuration,
        "DeleteConfiguration": delete_configuration,
        "BatchAssociateScramSecret": associate_secrets,
        "BatchDisassociateScramSecret": disassociate_secrets,
        "ListScramSecrets": list_secrets,
        "PutClusterPolicy": put_policy,
        "GetClusterPolicy": get_policy,
        "DeleteClusterPolicy": delete_policy,
        "ListTagsForResource": list_tags,
        "TagResource": tag,
        "UntagResource": untag,
    }


# --- clusters


def create_cluster(context: Any, request: Document) -> Document:
    body = {name: value for name, value in request.items() if name not in ("clusterName", "tags")}
    return _create(context, request, _with_defaults(body), "PROVISIONED")


def create_cluster_v2(context: Any, request: Document) -> Document:
    if request.get("provisioned"):
        return _create(context, request, _with_defaults(dict(request["provisioned"])), "PROVISIONED")
    return _create(context, request, dict(request["serverless"]), "SERVERLESS")


def describe_cluster(context: Any, request: Document) -> Document:
    cluster = _cluster(context, request)
    if cluster["clusterType"] == "SERVERLESS":
        raise failure("BadRequestException", "This operation cannot be performed on serverless clusters.")
    return {"clusterInfo": _info(context, cluster)}


def describe_cluster_v2(context: Any, request: Document) -> Document:
    return {"clusterInfo": _info_v2(context, _cluster(context, request))}


def list_clusters(context: Any, request: Document) -> Document:
    clusters = [one for one in _named(context, request) if one["clusterType"] == "PROVISIONED"]
    return {"clusterInfoList": [_info(context, cluster) for cluster in clusters]}


def list_clusters_v2(context: Any, request: Document) -> Document:
    return {"clusterInfoList": [_info_v2(context, cluster) for cluster in _named(context, request)]}


def list_nodes(context: Any, request: Document) -> Document:
    cluster = _cluster(context, request)
    body = cluster["body"]
    nodes = [
        {
            "nodeARN": f"{cluster['clusterArn']}/{number}",
            "nodeType": "BROKER",
            "instanceType": body["brokerNodeGroupInfo"].get("instanceType"),
            "brokerNodeInfo": {"brokerId": number, "endpoints": [f"b-{number}.local"]},
        }
        for number in range(1, body.get("numberOfBrokerNodes", 0) + 1)
    ]
    return {"nodeInfoList": nodes}


def delete_cluster(context: Any, request: Document) -> Document:
    cluster = _cluster(context, request)
    del _store(context).clusters[cluster["clusterArn"]]
    return {"clusterArn": cluster["clusterArn"], "state": "DELETING"}


def get_bootstrap_brokers(context: Any, request: Document) -> Document:
    """The same brokers for each kind of access that the cluster has."""
    cluster = _cluster(context, request)
    brokers = os.environ.get("LOCAL_CLOUD_MSK_BROKERS", "127.0.0.1:9092")
    return {f"bootstrapBrokerString{kind}": brokers for kind in _kinds_of_access(cluster)}


def _kinds_of_access(cluster: Document) -> list[str]:
    body, is_provisioned = cluster["body"], cluster["clusterType"] == "PROVISIONED"
    access = body.get("clientAuthentication") or {}
    sasl = access.get("sasl") or {}
    in_transit = (body.get("encryptionInfo") or {}).get("encryptionInTransit", {}).get("clientBroker")
    kinds = []
    if not is_provisioned or (sasl.get("iam") or {}).get("enabled"):
        kinds.append("SaslIam")
    if (sasl.get("scram") or {}).get("enabled"):
        kinds.append("SaslScram")
    if is_provisioned and in_transit in ("PLAINTEXT", "TLS_PLAINTEXT"):
        kinds.append("")
    if is_provisioned and in_transit != "PLAINTEXT" and ((access.get("tls") or {}).get("enabled") or not kinds):
        kinds.append("Tls")
    return kinds


def _create(context: Any, request: Document, body: Document, kind: str) -> Document:
    store, name = _store(context), request["clusterName"]
    if any(cluster["clusterName"] == name for cluster in store.clusters.values()):
        raise failure("ConflictException", f"A resource with this name already exists: {name}", 409)
    arn = _arn(context, "cluster", name)
    answer = {"clusterArn": arn, "clusterName": name, "state": "CREATING", "clusterType": kind}
    made = {"state": "ACTIVE", "creationTime": datetime.now(UTC), "currentVersion": _version(), "body": body}
    store.clusters[arn] = answer | made
    store.tags[arn].update(request.get("tags") or {})
    return answer


def _with_defaults(body: Document) -> Document:
    nodes = body.setdefault("brokerNodeGroupInfo", {})
    nodes.setdefault("brokerAZDistribution", "DEFAULT")
    nodes.setdefault("securityGroups", [])
    nodes.setdefault("connectivityInfo", {}).setdefault("publicAccess", {"type": "DISABLED"})
    nodes.setdefault("storageInfo", {}).setdefault("ebsStorageInfo", {"volumeSize": 100})
    encryption = body.setdefault("encryptionInfo", {})
    key = "arn:aws:kms:us-east-1:000000000000:key/aws-kafka"
    encryption.setdefault("encryptionAtRest", {"dataVolumeKMSKeyId": key})
    in_transit = encryption.get("encryptionInTransit", {})
    encryption["encryptionInTransit"] = {"clientBroker": "TLS", "inCluster": True, **in_transit}
    body.setdefault("enhancedMonitoring", "DEFAULT")
    body.setdefault("storageMode", "LOCAL")
    return body


def _info(context: Any, cluster: Document) -> Document:
    return _head(context, cluster) | _provisioned(cluster["body"])


def _info_v2(context: Any, cluster: Document) -> Document:
    kind, body = cluster["clusterType"], cluster["body"]
    part = {"serverless": body} if kind == "SERVERLESS" else {"provisioned": _provisioned(body)}
    return _head(context, cluster) | {"clusterType": kind} | part


def _head(context: Any, cluster: Document) -> Document:
    shown = {name: value for name, value in cluster.items() if name not in ("body", "clusterType")}
    return shown | {"tags": _store(context).tags[cluster["clusterArn"]]}


def _provisioned(body: Document) -> Document:
    info = {name: value for name, value in body.items() if name not in ("kafkaVersion", "configurationInfo")}
    software = {"kafkaVersion": body.get("kafkaVersion")}
    if configuration := body.get("configurationInfo"):
        software["configurationArn"] = configuration["arn"]
        software["configurationRevision"] = configuration["revision"]
    info["currentBrokerSoftwareInfo"] = software
    info["zookeeperConnectString"], info["zookeeperConnectStringTls"] = "z-1.local:2181", "z-1.local:2182"
    return info


def _named(context: Any, request: Document) -> list[Document]:
    prefix = request.get("clusterNameFilter") or ""
    return [cluster for cluster in _store(context).clusters.values() if cluster["clusterName"].startswith(prefix)]


# --- updates


def _update(*names: str) -> Handler:
    """Keeps what the request has under these names, and of the targets that a request of any kind may have."""

    def handler(context: Any, request: Document) -> Document:
        cluster = _cluster(context, request)
        body = cluster["body"]
        body |= {name: request[name] for name in names if name in request}
        _set_targets(body, request)
        cluster["currentVersion"] = _version()
        arn = _arn(context, "cluster-operation", cluster["clusterName"])
        answer = {"clusterArn": cluster["clusterArn"], "operationArn": arn}
        ended = {"operationState": "UPDATE_COMPLETE", "creationTime": datetime.now(UTC)}
        _store(context).operations[arn] = answer | ended
        return {"clusterArn": cluster["clusterArn"], "clusterOperationArn": arn}

    return handler


def _set_targets(body: Document, request: Document) -> None:
    if "targetNumberOfBrokerNodes" in request:
        body["numberOfBrokerNodes"] = request["targetNumberOfBrokerNodes"]
    if "targetKafkaVersion" in request:
        body["kafkaVersion"] = request["targetKafkaVersion"]
    if "targetInstanceType" in request:
        body["brokerNodeGroupInfo"]["instanceType"] = request["targetInstanceType"]
    for target in request.get("targetBrokerEBSVolumeInfo", []):
        body["brokerNodeGroupInfo"]["storageInfo"]["ebsStorageInfo"]["volumeSize"] = target["volumeSizeGB"]


def describe_operation(context: Any, request: Document) -> Document:
    arn = request["clusterOperationArn"]
    return {"clusterOperationInfo": _store(context).operations.get(arn) or _missing(arn)}


# --- configurations


def create_configuration(context: Any, request: Document) -> Document:
    arn, now = _arn(context, "configuration", request["name"]), datetime.now(UTC)
    revision = {"creationTime": now, "description": request.get("description", ""), "revision": 1}
    answer = {"arn": arn, "name": request["name"], "creationTime": now, "latestRevision": revision, "state": "ACTIVE"}
    _store(context).configurations[arn] = answer | {
        "description": request.get("description", ""),
        "kafkaVersions": request.get("kafkaVersions", []),
        "properties": {1: request["serverProperties"]},
    }
    return answer


def describe_configuration(context: Any, request: Document) -> Document:
    configuration = _configuration(context, request)
    return {name: value for name, value in configuration.items() if name != "properties"}


def describe_configuration_revision(context: Any, request: Document) -> Document:
    configuration, revision = _configuration(context, request), int(request["revision"])
    shown = {name: configuration[name] for name in ("arn", "description", "creationTime")}
    return shown | {"revision": revision, "serverProperties": configuration["properties"][revision]}


def update_configuration(context: Any, request: Document) -> Document:
    configuration = _configuration(context, request)
    number = configuration["latestRevision"]["revision"] + 1
    configuration["properties"][number] = request["serverProperties"]
    description = request.get("description", "")
    revision = {"creationTime": datetime.now(UTC), "description": description, "revision": number}
    configuration["latestRevision"] = revision
    return {"arn": configuration["arn"], "latestRevision": revision}


def delete_configuration(context: Any, request: Document) -> Document:
    configuration = _configuration(context, request)
    del _store(context).configurations[configuration["arn"]]
    return {"arn": configuration["arn"], "state": "DELETING"}


# --- secrets, policies, tags


def associate_secrets(context: Any, request: Document) -> Document:
    _cluster(context, request)
    own = _store(context).secrets[request["clusterArn"]]
    own.extend(arn for arn in request["secretArnList"] if arn not in own)
    return {"clusterArn": request["clusterArn"], "unprocessedScramSecrets": []}


def disassociate_secrets(context: Any, request: Document) -> Document:
    own = _store(context).secrets[request["clusterArn"]]
    own[:] = [arn for arn in own if arn not in request["secretArnList"]]
    return {"clusterArn": request["clusterArn"], "unprocessedScramSecrets": []}


def list_secrets(context: Any, request: Document) -> Document:
    return {"secretArnList": _store(context).secrets[_cluster(context, request)["clusterArn"]]}


def put_policy(context: Any, request: Document) -> Document:
    cluster, version = _cluster(context, request), _version()
    _store(context).policies[cluster["clusterArn"]] = {"currentVersion": version, "policy": request["policy"]}
    return {"currentVersion": version}


def get_policy(context: Any, request: Document) -> Document:
    arn = request["clusterArn"]
    return _store(context).policies.get(arn) or _missing(arn)


def delete_policy(context: Any, request: Document) -> Document:
    _store(context).policies.pop(request["clusterArn"], None)
    return {}


def list_tags(context: Any, request: Document) -> Document:
    return {"tags": _store(context).tags[request["resourceArn"]]}


def tag(context: Any, request: Document) -> Document:
    _store(context).tags[request["resourceArn"]].update(request["tags"])
    return {}


def untag(context: Any, request: Document) -> Document:
    for key in request["tagKeys"]:
        _store(context).tags[request["resourceArn"]].pop(key, None)
    return {}


# --- what they share


def _store(context: Any) -> Store:
    return _stores[context.account_id, context.region]


def _cluster(context: Any, request: Document) -> Document:
    arn = request["clusterArn"]
    return _store(context).clusters.get(arn) or _missing(arn)


def _configuration(context: Any, request: Document) -> Document:
    configuration = _store(context).configurations.get(request["arn"])
    if configuration is None:
        # AWS answers 400 here, and Terraform looks for this text.
        raise failure("BadRequestException", "Configuration ARN does not exist.")
    return configuration


def _missing(arn: str) -> Document:
    raise failure("NotFoundException", f"The requested resource doesn't exist: {arn}", 404)


def _arn(context: Any, kind: str, name: str) -> str:
    return f"arn:aws:kafka:{context.region}:{context.account_id}:{kind}/{name}/{uuid.uuid4()}-1"


def _version() -> str:
    return "K" + uuid.uuid4().hex[:13].upper()


def _in_camel_case(handler: Handler) -> Handler:
    """The API's model has members in PascalCase, its wire and this module have them in camelCase."""
    return lambda context, request: _renamed(handler(context, _renamed(dict(request), _lower)), _upper)


def _renamed(value: Any, change: Callable[[str], str]) -> Any:
    if isinstance(value, dict):
        # The names of tags are the user's.
        kept = ("tags",)
        return {
            change(name): inner if name.lower() in kept else _renamed(inner, change) for name, inner in value.items()
        }
    return [_renamed(inner, change) for inner in value] if isinstance(value, list) else value


def _lower(name: str) -> str:
    return name[:1].lower() + name[1:]


def _upper(name: str) -> str:
    return name[:1].upper() + name[1:]
