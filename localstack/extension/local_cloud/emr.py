"""EMR on EC2: moto keeps the clusters, and a step that calls `spark-submit` is a process of this machine.

A step's state follows its process, and a cluster's state its steps.
There are no machines, bootstrap actions or scaling.
"""

import os
import threading
from typing import Any

from local_cloud import spark
from local_cloud.jobs import Job, arguments_of
from local_cloud.moto_service import Handler, call_moto, failure

LIVE = ("STARTING", "BOOTSTRAPPING", "RUNNING", "WAITING")
# What moto drops of a request and Terraform's second plan would show.
DROPPED = ("ScaleDownBehavior", "OSReleaseLabel", "PlacementGroups", "EbsRootVolumeSize")
POLICIES = ("AutoTerminationPolicy", "ManagedScalingPolicy")

_lock = threading.RLock()
_jobs: dict[str, Job] = {}
_policies: dict[str, dict[str, Any]] = {}


def handlers() -> dict[str, Handler]:
    _mend_moto()
    return {
        "RunJobFlow": run_job_flow,
        "AddJobFlowSteps": add_job_flow_steps,
        "CancelSteps": cancel_steps,
        "DescribeCluster": describe_cluster,
        "SetKeepJobFlowAliveWhenNoSteps": set_keep_alive,
        "ListInstanceFleets": lambda context, request: {"InstanceFleets": []},
        **{f"Get{name}": _get_policy(name) for name in POLICIES},
        **{f"{verb}{name}": _set_policy(name) for name in POLICIES for verb in ("Put", "Remove")},
    }


def run_job_flow(context: Any, request: dict[str, Any]) -> Any:
    result = call_moto(context, request)
    cluster = _cluster(context, result["JobFlowId"])
    cluster.request = dict(request)
    _policies[cluster.id] = {name: request.get(name) for name in POLICIES}
    _advance(cluster)
    return result


def add_job_flow_steps(context: Any, request: dict[str, Any]) -> Any:
    cluster = _cluster(context, request["JobFlowId"])
    if cluster.state not in LIVE:
        message = "A job flow that is shutting down, terminated, or finished may not be modified."
        raise failure("ValidationException", message)
    result = call_moto(context, request)
    _advance(cluster)
    return result


def cancel_steps(context: Any, request: dict[str, Any]) -> Any:
    cluster = _cluster(context, request["ClusterId"])
    with _lock:
        steps = [step for step in cluster.steps if step.id in request["StepIds"]]
        answers = [_cancel_answer(step) for step in steps]
        for step in steps:
            _cancel(step)
        _advance(cluster)
    return {"CancelStepsInfoList": answers}


def describe_cluster(context: Any, request: dict[str, Any]) -> Any:
    cluster = _cluster(context, request["ClusterId"])
    result = call_moto(context, request)
    asked = getattr(cluster, "request", {})
    instances = asked.get("Instances", {})
    result["Cluster"] |= {name: asked[name] for name in DROPPED if asked.get(name) is not None}
    result["Cluster"]["UnhealthyNodeReplacement"] = instances.get("UnhealthyNodeReplacement", False)
    has_fleets = bool(instances.get("InstanceFleets"))
    result["Cluster"]["InstanceCollectionType"] = "INSTANCE_FLEET" if has_fleets else "INSTANCE_GROUP"
    return result


def set_keep_alive(context: Any, request: dict[str, Any]) -> Any:
    for id in request["JobFlowIds"]:
        cluster = _cluster(context, id)
        cluster.keep_job_flow_alive_when_no_steps = request["KeepJobFlowAliveWhenNoSteps"]
        _advance(cluster)
    return {}


def _get_policy(name: str) -> Handler:
    def handler(context: Any, request: dict[str, Any]) -> Any:
        policy = _policies.get(request["ClusterId"], {}).get(name)
        return {name: policy} if policy else {}

    return handler


def _set_policy(name: str) -> Handler:
    """Puts the request's policy, or takes it away: a request to remove has none."""

    def handler(context: Any, request: dict[str, Any]) -> Any:
        _policies.setdefault(request["ClusterId"], {})[name] = request.get(name)
        return {}

    return handler


def _cluster(context: Any, id: str) -> Any:
    from moto.emr.models import emr_backends

    cluster = emr_backends[context.account_id][context.region].clusters.get(id)
    if not cluster:
        raise failure("InvalidRequestException", f"Cluster id '{id}' is not valid.")
    return cluster


def _cancel_answer(step: Any) -> dict[str, str]:
    if step.state in ("PENDING", "RUNNING"):
        return {"StepId": step.id, "Status": "SUBMITTED", "Reason": ""}
    return {"StepId": step.id, "Status": "FAILED", "Reason": f"Step is {step.state}"}


def _cancel(step: Any) -> None:
    if step.state == "PENDING":
        step.state, step.end_date_time = "CANCELLED", _now()
    elif step.state == "RUNNING" and (job := _jobs.get(step.id)):
        job.cancel()


def _advance(cluster: Any) -> None:
    """Starts the steps that may start, and moves the cluster's state."""
    with _lock:
        if cluster.state not in LIVE:
            return
        running = sum(step.state == "RUNNING" for step in cluster.steps)
        for step in cluster.steps:
            if step.state == "PENDING" and running < (cluster.step_concurrency_level or 1):
                running += 1
                step.state, step.start_date_time = "RUNNING", _now()
                _jobs[step.id] = _job(cluster, step)
                threading.Thread(target=_run, args=(cluster, step), daemon=True).start()
        cluster.state = "RUNNING" if running else "WAITING"
        if not running and cluster.steps and not cluster.keep_job_flow_alive_when_no_steps:
            cluster.last_state_change_reason = "Steps completed"
            cluster.terminate()


def _job(cluster: Any, step: Any) -> Job:
    is_command = os.path.basename(step.jar) == "command-runner.jar"
    arguments = arguments_of(list(step.args)) if is_command else None
    variables = spark.variables(cluster.emr_backend.region_name, EMR_CLUSTER_ID=cluster.id, EMR_STEP_ID=step.id)
    folder = spark.logs() / cluster.id / "steps" / step.id
    if arguments is not None:
        return Job(spark.command(arguments), variables, folder)
    reason = f"only spark-submit by command-runner.jar is run here, not {step.jar} {' '.join(step.args[:1])}"
    return Job(["/bin/sh", "-c", 'echo "$0" >&2; exit 1', reason], variables, folder)


def _run(cluster: Any, step: Any) -> None:
    job, backend = _jobs[step.id], cluster.emr_backend
    has_succeeded = job.run()
    root = (cluster.log_uri or "").rstrip("/").replace("s3n://", "s3://")
    uri = f"{root}/{cluster.id}/steps/{step.id}" if root else None
    spark.ship_logs(job, uri, backend.account_id, backend.region_name)
    with _lock:
        step.end_date_time = _now()
        step.state = "COMPLETED" if has_succeeded else "CANCELLED" if job.cancelled else "FAILED"
        if step.state == "FAILED":
            log = f"{uri}/stderr.gz" if uri else str(job.log("stderr"))
            step.failure = {"Reason": "Unknown Error.", "Message": job.failure(), "LogFile": log}
            _act_on_failure(cluster, step)
        _advance(cluster)


def _act_on_failure(cluster: Any, step: Any) -> None:
    if step.action_on_failure in ("TERMINATE_CLUSTER", "TERMINATE_JOB_FLOW"):
        cluster.last_state_change_reason = "Shut down as step failed"
        cluster.terminate()
        cluster.state = "TERMINATED_WITH_ERRORS"
    elif step.action_on_failure == "CANCEL_AND_WAIT":
        for other in cluster.steps:
            _cancel(other)


def _mend_moto() -> None:
    """In moto, the first step stays RUNNING and a step has no failure."""
    from moto.emr import models

    kept = ("name", "hadoop_jar_step", "action_on_failure")

    def add_steps(self: Any, steps: list[Any]) -> list[Any]:
        asked = [{name: value for name, value in dict(step).items() if name in kept} for step in steps]
        added = [models.Step(state="PENDING", **step) for step in asked]
        self.steps.extend(added)
        return added

    terminate = models.Cluster.terminate

    def terminate_with_steps(self: Any) -> None:
        terminate(self)
        with _lock:
            for step in self.steps:
                _cancel(step)

    # moto's own makes security groups with a call that LocalStack's EC2 does not have.
    def keep_groups(self: Any, **asked: Any) -> tuple[Any, Any, Any]:
        kinds = ("emr_managed_master", "emr_managed_slave", "service_access")
        master, slave, service = (asked[f"{kind}_security_group"] for kind in kinds)
        return master, slave, service

    models.ElasticMapReduceBackend._manage_security_groups = keep_groups
    models.Cluster.add_steps, models.Cluster.terminate = add_steps, terminate_with_steps
    models.Step.status = property(_status)


def _status(step: Any) -> dict[str, Any]:
    reason, reason_of_failure = getattr(step, "last_state_change_reason", None), getattr(step, "failure", None)
    timeline = {
        "CreationDateTime": step.creation_date_time,
        "StartDateTime": step.start_date_time,
        "EndDateTime": step.end_date_time,
    }
    status = {"State": step.state, "StateChangeReason": {"Message": reason} if reason else {}, "Timeline": timeline}
    return status | ({"FailureDetails": reason_of_failure} if reason_of_failure else {})


def _now() -> Any:
    from moto.core.utils import utcnow

    return utcnow()
