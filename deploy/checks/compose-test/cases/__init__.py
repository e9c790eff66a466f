"""The cases in the order in which they run: each takes the stack as the one before left it, running and sound."""
from cases import backup, faults, first, rolling, settings, stops

CASES = {}


def case(name, function, long=False):
    function.long = long
    CASES[name] = function


case("no-settings", settings.without_settings)
case("init", first.init)
case("flow", first.flow)
case("faults", faults.short)
case("restarts", faults.restarts, long=True)
case("power-cut", faults.power_cut)
case("roll", rolling.roll_two_replicas)
case("upgrade", rolling.upgrade, long=True)
case("mail-away", settings.mail_away, long=True)
case("logins", stops.logins_at_the_memory_limit)
case("secrets", settings.changed_secrets, long=True)
case("tls", settings.tls_at_the_gateway, long=True)
case("backup", backup.backup_and_restore, long=True)
case("stop", stops.stop_and_start, long=True)
