"""Replacing what serves, under load, without a failed request."""
import ledger
from clients import Writers
from stack import FOLDER, SERVICES, Failed, docker, eventually


def untouched(writers):
    if writers.failures:
        raise Failed(f"{len(writers.failures)} failed requests: {writers.failures[:5]}")


def roll_two_replicas(stack):
    """From one to two of each and back to one, then one of two dies."""
    stack.set(BANK_REPLICAS=2, LOG_REPLICAS=2, EMAIL_REPLICAS=2)
    with Writers(stack) as writers:
        stack.make("roll")
        untouched(writers)
        assert all(len(stack.containers(service)) == 2 for service in SERVICES), "two of each"
        for service in SERVICES:
            docker("kill", "--signal", "KILL", stack.containers(service)[0])
            writers.goes_on()
        met = len(writers.failures)
        stack.make("run")
        eventually("everything is healthy", stack.all_healthy)
        stack.set(BANK_REPLICAS=1, LOG_REPLICAS=1, EMAIL_REPLICAS=1)
        before = len(writers.failures)
        stack.make("roll")
        if len(writers.failures) > before:
            raise Failed(f"failed requests while going back to one: {writers.failures[before:][:5]}")
    return f"rolled twice without a failed request; a killed replica of two cost {met}; {ledger.settle(stack, writers.answered, gaps=1)}"


def upgrade(stack):
    """A release whose migration fails is not begun; one that is sound replaces the old one; and the way back."""
    before = {service: stack.containers(service) for service in SERVICES}
    dockerfile = FOLDER / "deploy/images/Dockerfile"
    sound = dockerfile.read_text()
    with Writers(stack) as writers:
        broken = sound.replace('FROM runtime AS bank-service\n', 'FROM runtime AS bank-service\nENV BANK_BIND=nowhere\n', 1)
        broken = broken.replace("ENV BANK_BIND=0.0.0.0:5000\n", "", 1)
        dockerfile.write_text(broken)
        refused = stack.make("upgrade", check=False)
        if refused.returncode == 0 or "the old release still serves" not in refused.stderr:
            raise Failed(f"an upgrade that cannot migrate went on: {refused.stderr[-800:]}")
        untouched(writers)
        assert before == {service: stack.containers(service) for service in SERVICES}, "nothing is replaced"
        dockerfile.write_text(sound.replace("STOPSIGNAL SIGTERM\n", "STOPSIGNAL SIGTERM\nLABEL release=next\n", 1))
        stack.make("upgrade")
        release = lambda: {docker("inspect", "--format", '{{index .Config.Labels "release"}}', *stack.containers(service)) for service in SERVICES}
        assert release() == {"next"}, release()
        stack.make("rollback")
        assert release() <= {"", "<no value>"}, release()
        gateway = stack.containers("gateway")
        stack.make("rebuild")
        assert release() == {"next"}, f"what is checked out serves: {release()}"
        assert stack.containers("gateway") == gateway, "the gateway stays"
        untouched(writers)
    dockerfile.write_text(sound)
    return f"stopped at a failing migration, upgraded, back and rebuilt without a failed request; {ledger.settle(stack, writers.answered)}"
