"""EMR Serverless: moto keeps applications and job runs, and a job run is a process of this machine.

A run's state follows its process. Capacity, time-outs of idle applications and images are kept and mean nothing.
"""

import shlex
import threading
import time
from datetime import UTC, datetime
from typing import Any

from local_cloud import spark
from local_cloud.jobs import Job
from local_cloud.moto_service import Handler, call_moto, call_moto_with, failure

# What moto drops of a request to create an application and Terraform's second plan would show.
DROPPED = (
    "architecture",
    "imageConfiguration",
    "monitoringConfiguration",
    "interactiveConfiguration",
    "runtimeConfiguration",
    "schedulerConfiguration",
)

KNOWN_RELEASE = "emr-7.13.0"

_jobs: dict[str, Job] = {}


def handlers() -> dict[str, Handler]:
    return {
        "CreateApplication": create_application,
        "GetApplication": get_application,
        "StartJobRun": start_job_run,
        "GetJobRun": get_job_run,
        "CancelJobRun": cancel_job_run,
        "ListTagsForResource": list_tags,
        "TagResource": tag,
        "UntagResource": untag,
    }


def create_application(context: Any, request: dict[str, Any]) -> Any:
    # Terraform sends "spark", and moto takes "SPARK" only; emr-spark releases are none that it knows.
    result = call_moto_with(context, {**request, "type": request["type"].upper(), "releaseLabel": KNOWN_RELEASE})
    application = _backend(context).applications[result["applicationId"]]
    application.release_label = request["releaseLabel"]
    # moto says STARTED.
    application.state, application.created_at, application.updated_at = "CREATED", _stamp(), _stamp()
    application.request = {name: request[name] for name in DROPPED if name in request}
    return result


def get_application(context: Any, request: dict[str, Any]) -> Any:
    result = call_moto(context, request)
    application = _backend(context).applications[request["applicationId"]]
    result["application"] |= {"architecture": "X86_64", **getattr(application, "request", {})}
    return result


def start_job_run(context: Any, request: dict[str, Any]) -> Any:
    result = call_moto(context, request)
    backend = _backend(context)
    application = backend.applications[request["applicationId"]]
    application.state = "STARTED"
    run = backend.get_job_run(application.id, result["jobRunId"])
    run.state, run.created_at, run.updated_at, run.started, run.ended = "SUBMITTED", _stamp(), _stamp(), None, None
    if job := _job(backend, run):
        _jobs[run.id] = job
        threading.Thread(target=_run, args=(backend, run, job), daemon=True).start()
    else:
        run.state, run.state_details = "FAILED", "only sparkSubmit is run here"
    return result


def get_job_run(context: Any, request: dict[str, Any]) -> Any:
    result = call_moto(context, request)
    run = _backend(context).get_job_run(request["applicationId"], request["jobRunId"])
    moments = {"startedAt": getattr(run, "started", None), "endedAt": getattr(run, "ended", None)}
    result["jobRun"] |= {name: datetime.fromtimestamp(secs, UTC) for name, secs in moments.items() if secs}
    result["jobRun"] = {"attempt": 1, "mode": "BATCH", **result["jobRun"]}
    return result


def cancel_job_run(context: Any, request: dict[str, Any]) -> Any:
    run = _backend(context).get_job_run(request["applicationId"], request["jobRunId"])
    job = _jobs.get(run.id)
    if job and run.state in ("SUBMITTED", "RUNNING"):
        run.state = "CANCELLING"
        threading.Thread(target=job.cancel, daemon=True).start()
    return {"applicationId": request["applicationId"], "jobRunId": request["jobRunId"]}


def list_tags(context: Any, request: dict[str, Any]) -> Any:
    return {"tags": _tags(context, request["resourceArn"])}


def tag(context: Any, request: dict[str, Any]) -> Any:
    _tags(context, request["resourceArn"]).update(request["tags"])
    return {}


def untag(context: Any, request: dict[str, Any]) -> Any:
    for key in request["tagKeys"]:
        _tags(context, request["resourceArn"]).pop(key, None)
    return {}


def _job(backend: Any, run: Any) -> Job | None:
    submit = (run.job_driver or {}).get("sparkSubmit")
    if not submit:
        return None
    defaults = _classification(run, "spark-defaults")
    settings = [word for name, value in defaults.items() for word in ("--conf", f"{name}={value}")]
    parameters = shlex.split(submit.get("sparkSubmitParameters") or "")
    arguments = [*settings, *parameters, submit["entryPoint"], *(submit.get("entryPointArguments") or [])]
    variables = spark.variables(backend.region_name, EMR_APPLICATION_ID=run.application_id, EMR_JOB_RUN_ID=run.id)
    folder = spark.logs() / run.application_id / "jobs" / run.id / "SPARK_DRIVER"
    return Job(spark.command(arguments), variables, folder, run.execution_timeout_minutes * 60)


def _classification(run: Any, name: str) -> dict[str, str]:
    configurations = (run.configuration_overrides or {}).get("applicationConfiguration", [])
    found = (one.get("properties", {}) for one in configurations if one.get("classification") == name)
    return next(found, {})


def _run(backend: Any, run: Any, job: Job) -> None:
    began = time.time()
    run.state, run.started = "RUNNING", began
    has_succeeded = job.run()
    spark.ship_logs(job, _log_uri(run), backend.account_id, backend.region_name)
    hours = (time.time() - began) / 3600
    run.ended, run.updated_at, run.total_execution_duration_seconds = time.time(), _stamp(), int(hours * 3600)
    # As of the smallest worker: 1 vCPU and 4 GB.
    usage = {"vCPUHour": round(hours, 4), "memoryGBHour": round(4 * hours, 4), "storageGBHour": 0.0}
    run.billed_resource_utilization = usage
    if not has_succeeded and not job.cancelled:
        run.state_details = (
            "Job failed, please check complete logs in configured logging destination. "
            f"ExitCode: {job.exit_code}. Last few exceptions: {job.failure()}"
        )
    run.state = "SUCCESS" if has_succeeded else "CANCELLED" if job.cancelled else "FAILED"


def _log_uri(run: Any) -> str | None:
    monitoring = (run.configuration_overrides or {}).get("monitoringConfiguration", {})
    root = monitoring.get("s3MonitoringConfiguration", {}).get("logUri")
    return f"{root.rstrip('/')}/applications/{run.application_id}/jobs/{run.id}/SPARK_DRIVER" if root else None


def _tags(context: Any, arn: str) -> dict[str, str]:
    backend = _backend(context)
    parts = arn.split(":/", 1)[1].split("/")
    try:
        is_run = 3 < len(parts)
        owner = backend.get_job_run(parts[1], parts[3]) if is_run else backend.applications[parts[1]]
    except Exception as error:  # moto has an exception for each kind
        raise failure("ResourceNotFoundException", arn, 404) from error
    owner.tags = owner.tags or {}
    tags: dict[str, str] = owner.tags
    return tags


def _backend(context: Any) -> Any:
    from moto.emrserverless.models import emrserverless_backends

    return emrserverless_backends[context.account_id][context.region]


def _stamp() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
