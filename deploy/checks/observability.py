#!/usr/bin/env python3
"""Holds the metrics in the code, the tables of docs/operations.md, the alerts, the dashboard and docs/runbook.md against each other.

A metric is what a source registers by its name, outside of tests. The tables name each, and no other. A query uses only these,
those of the process, and `up`. Each alert has `for`, a severity, a summary, a description, a section of the runbook, and unit
tests in which it fires and in which it is quiet.
"""
import json
import re
import sys
from pathlib import Path

import yaml

REPO = Path(__file__).resolve().parents[2]
FOLDER = REPO / "deploy/observability"
RUNBOOK = "docs/runbook.md"
MAX_ALERTS = 15
# In the call that makes a metric, or as the constant that the call is given.
REGISTERED = re.compile(
    r'(?:\b(?:counter|gauge|histogram|sizes|delays|by_type)\(\s*|\bconst NAME: &str = )"((?:bank|http)_[a-z_]+)"'
)
NAME = re.compile(r"\b(?:(?:bank|http|process)_[a-z_]+|up)\b")
# Of every process, by the library.
PROCESS = {
    "process_cpu_seconds_total", "process_max_fds", "process_open_fds", "process_resident_memory_bytes",
    "process_start_time_seconds", "process_threads", "process_virtual_memory_bytes",
}
faults = []


def check(holds, fault):
    if not holds:
        faults.append(fault)


def registered():
    names = set()
    for path in REPO.glob("*/src/**/*.rs"):
        source = path.read_text(encoding="utf-8").split("#[cfg(test)]")[0]
        names.update(REGISTERED.findall(source))
    return names


def documented():
    """The names in the first cells of the tables of metrics."""
    page = (REPO / "docs/operations.md").read_text(encoding="utf-8")
    tables = re.findall(r"^\| metric \|.*\n\|[-| ]+\n((?:\|.*\n)+)", page, re.M)
    rows = [row.split("|")[1] for table in tables for row in table.splitlines()]
    return {name for row in rows for name in re.findall(r"`((?:bank|http)_[a-z_]+)`", row)}


def names_in(query):
    """The metrics that a query reads; a series of a histogram stands for the histogram."""
    query = re.sub(r'"(?:[^"\\]|\\.)*"', '""', query)
    return {re.sub(r"_(bucket|sum|count)$", "", name) for name in NAME.findall(query)}


def check_alert(alert, known):
    name = alert["alert"]
    for query in names_in(alert["expr"]) - known:
        faults.append(f"{name}: nothing is called {query}")
    check("for" in alert, f"{name}: has no `for`")
    check(alert.get("labels", {}).get("severity") in ("critical", "warning"), f"{name}: has no severity")
    annotations = alert.get("annotations", {})
    check(annotations.get("summary") and annotations.get("description"), f"{name}: lacks a summary or a description")
    wanted = f"{RUNBOOK}#{name.lower()}"
    check(annotations.get("runbook") == wanted, f"{name}: its runbook is not {wanted}")


def check_tests(names):
    cases = {}
    for test in yaml.safe_load((FOLDER / "rules_test.yml").read_text(encoding="utf-8"))["tests"]:
        for one in test["promql_expr_test"]:
            for name in re.findall(r'alertname="(\w+)"', one["expr"]):
                cases.setdefault(name, set()).add("fires" if one.get("exp_samples") else "is quiet")
    for name in names:
        for case in {"fires", "is quiet"} - cases.get(name, set()):
            faults.append(f"{name}: no unit test in which it {case}")
    check(cases.keys() <= names, f"rules_test.yml tests {cases.keys() - names}, which is no alert")


def check_dashboard(path, known):
    board = json.loads(path.read_text(encoding="utf-8"))
    ids = [panel["id"] for panel in board["panels"]]
    check(len(ids) == len(set(ids)), f"{path.name}: two panels have one id")
    for panel in board["panels"]:
        for target in panel.get("targets", []):
            check(target["datasource"]["uid"] == "prometheus", f"{panel['title']}: asks another data source")
            for name in names_in(target["expr"]) - known:
                faults.append(f"{path.name}, {panel['title']}: nothing is called {name}")


def main():
    known = registered()
    check(known, "no metric was found in the sources")
    for name in sorted(known ^ documented()):
        faults.append(f"docs/operations.md: {name} is " + ("not in the tables" if name in known else "in a table only"))
    known |= PROCESS | {"up"}
    groups = yaml.safe_load((FOLDER / "rules.yml").read_text(encoding="utf-8"))["groups"]
    alerts = [rule for group in groups for rule in group["rules"]]
    names = {alert["alert"] for alert in alerts}
    check(len(alerts) <= MAX_ALERTS, f"{len(alerts)} alerts: more than {MAX_ALERTS} are not read")
    for alert in alerts:
        check_alert(alert, known)
    check_tests(names)
    sections = set(re.findall(r"^## (\w+)$", (REPO / RUNBOOK).read_text(encoding="utf-8"), re.M))
    for name in sorted(sections ^ names):
        faults.append(f"{RUNBOOK}: {name} has no " + ("section" if name in names else "alert"))
    dashboards = sorted((FOLDER / "grafana/dashboards").glob("*.json"))
    check(dashboards, "there is no dashboard")
    for path in dashboards:
        check_dashboard(path, known)
    for fault in faults:
        print(f"observability: {fault}", file=sys.stderr)
    if faults:
        sys.exit(1)
    print(f"observability: {len(known)} metrics, {len(alerts)} alerts and {len(dashboards)} dashboard agree with code and pages")


main()
