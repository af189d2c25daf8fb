"""The TaskerClient of tasker-py 0.1.8 against a worker of this host. Its functions belong to a bootstrapped Python worker,
which wants a Tasker database of its own: a throw-away one. What the client does goes to this host alone.

Usage: client_test.py URL MIGRATIONS CONFIG; the working folder gets some files."""

import os
import pathlib
import sys
import time

from database import Database


def expect(condition, what):
    if not condition:
        raise AssertionError(what)


def until_settled(client, uuid):
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        task = client.get_task(uuid)
        if task.status in ("complete", "error", "cancelled", "blocked_by_failures"):
            return task
        time.sleep(0.02)
    raise AssertionError(f"task {uuid} does not settle: {task}")


def refused(call, *texts):
    try:
        call()
    except RuntimeError as error:
        for text in texts:
            expect(text in str(error), f"'{text}' is not in: {error}")
        return
    raise AssertionError(f"it was not refused; {texts} was expected")


def drive(client):
    expect(client.health_check().healthy, "health_check")

    task = client.create_task("linear_workflow", namespace="examples", context={"number": 6}, tags=["py"], priority=3)
    expect(task.namespace == "examples" and task.total_steps == 4, task)
    done = until_settled(client, task.task_uuid)
    expect(done.status == "complete" and done.completion_percentage == 100.0, done)
    expect(done.initiator == "tasker-core-python" and done.context == {"number": 6}, done)

    steps = client.list_task_steps(task.task_uuid)
    expect([step.name for step in steps] == ["square", "add", "multiply", "divide"], steps)
    expect(all(step.current_state == "complete" and step.attempts == 1 for step in steps), steps)
    step = client.get_step(task.task_uuid, steps[0].step_uuid)
    expect(step == steps[0], (step, steps[0]))
    expect(step.results["success"] is True, step)
    audit = client.get_step_audit_history(task.task_uuid, step.step_uuid)
    expect(len(audit) == 1 and audit[0].success and audit[0].to_state == "complete", audit)
    expect(audit[0].audit_uuid and audit[0].transition_uuid, audit)

    failed = client.create_task("linear_workflow", namespace="examples", context={"number": "six"})
    expect(until_settled(client, failed.task_uuid).status != "complete", "a failing task")
    expect(client.list_task_steps(failed.task_uuid)[0].last_failure_at, "last_failure_at")

    held = client.create_task("hold", namespace="slow", context={
        "label": "py", "journal": str(pathlib.Path("journal").resolve()), "release": str(pathlib.Path("never").resolve())})
    expect(client.cancel_task(held.task_uuid), "cancel_task")
    expect(client.get_task(held.task_uuid).status == "cancelled", "it is cancelled")

    listed = client.list_tasks(limit=2)
    expect(len(listed.tasks) == 2 and listed.pagination.total_count == 3, listed)
    expect(listed.tasks[0].task_uuid == held.task_uuid, "the newest first")
    second = client.list_tasks(limit=2, offset=2)
    expect([one.task_uuid for one in second.tasks] == [task.task_uuid], second)
    found = client.list_tasks(namespace="examples", status="complete")
    expect([one.task_uuid for one in found.tasks] == [task.task_uuid], found)

    refused(lambda: client.create_task("linear_workflow", namespace="examples", context={"number": 6}), "409")
    refused(lambda: client.create_task("nowhere", namespace="examples"), "404")
    refused(lambda: client.get_task("01900000-0000-7000-8000-000000000000"), "404")
    refused(lambda: client.cancel_task(held.task_uuid), "400")


def main():
    url, migrations, template = sys.argv[1:4]
    config = pathlib.Path("tasker_worker.toml")
    config.write_text(pathlib.Path(template).read_text().replace("@ORCHESTRATION_URL@", url))
    templates = pathlib.Path("py_templates")
    templates.mkdir()
    (templates / "nothing.yaml").write_text(
        'name: nothing\nnamespace_name: py\nversion: "1.0.0"\nsteps:\n  - name: only\n    handler:\n      callable: nothing\n')
    with Database(migrations) as database:
        os.environ.update(DATABASE_URL=database.url, TASKER_CONFIG_PATH=str(config.resolve()), TASKER_ENV="test",
                          TASKER_TEMPLATE_PATH=str(templates.resolve()), RUST_LOG="error")
        # Only now: it reads the environment when it is loaded.
        from tasker_core.bootstrap import bootstrap_worker, stop_worker
        from tasker_core.client import TaskerClient
        started = bootstrap_worker()
        expect(started.success, started)
        try:
            drive(TaskerClient())
        finally:
            stop_worker()
    print("the Python client is served")


main()
