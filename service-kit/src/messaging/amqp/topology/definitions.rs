//! Checks that `deploy/compose/rabbitmq/definitions.template.json` declares the same queues as the services, argument by
//! argument, so that neither refuses the other's. `UPDATE_DEFINITIONS=1` rewrites its exchange, queues and bindings.

use std::collections::BTreeSet;
use std::path::PathBuf;

use lapin::types::{AMQPValue, FieldTable};
use serde_json::{Map, Value, json};
use shared_events::catalog;
use shared_events::routing::{EXCHANGE, QUEUES};

use super::{direct_exchange, queues_of};
use crate::messaging::ConsumerSettings;

fn path() -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "..", "deploy", "compose", "rabbitmq", "definitions.template.json"].iter().collect()
}

fn arguments_of(table: &FieldTable) -> Value {
    let value = |value: &AMQPValue| match value {
        AMQPValue::LongString(text) => json!(text.to_string()),
        AMQPValue::LongInt(number) => json!(number),
        other => panic!("{other:?} is not known here"),
    };
    let arguments = table.inner().iter().map(|(name, one)| (name.to_string(), value(one)));
    Value::Object(arguments.collect::<Map<_, _>>())
}

fn expected() -> [(&'static str, Value); 3] {
    let exchange = |name: &str, kind: &str| {
        json!({
            "name": name, "vhost": "/", "type": kind, "durable": true, "auto_delete": false, "internal": false,
            "arguments": {}
        })
    };
    let (mut exchanges, mut queues, mut bindings) = (vec![exchange(EXCHANGE, "topic")], Vec::new(), Vec::new());
    for settings in QUEUES.map(|queue| ConsumerSettings::new(queue, catalog::bindings(queue))) {
        let direct = direct_exchange(&settings.queue);
        exchanges.push(exchange(&direct, "direct"));
        for (name, table) in queues_of(&settings) {
            bindings.push(json!({
                "source": direct, "vhost": "/", "destination": name, "destination_type": "queue",
                "routing_key": name, "arguments": {}
            }));
            let arguments = arguments_of(&table);
            queues.push(
                json!({"name": name, "vhost": "/", "durable": true, "auto_delete": false, "arguments": arguments}),
            );
        }
        for pattern in &settings.bindings {
            bindings.push(json!({
                "source": EXCHANGE, "vhost": "/", "destination": settings.queue, "destination_type": "queue",
                "routing_key": pattern.to_string(), "arguments": {}
            }));
        }
    }
    [("exchanges", json!(exchanges)), ("queues", json!(queues)), ("bindings", json!(bindings))]
}

#[test]
fn the_definitions_of_compose_make_the_queues_that_the_services_make() {
    let mut found: Value = serde_json::from_str(&std::fs::read_to_string(path()).unwrap()).unwrap();
    if std::env::var_os("UPDATE_DEFINITIONS").is_some() {
        for (name, value) in expected() {
            found[name] = value;
        }
        std::fs::write(path(), format!("{found:#}\n")).unwrap();
    }
    for (name, value) in expected() {
        assert_eq!(found[name], value, "{name} of {}: UPDATE_DEFINITIONS=1 writes them anew", path().display());
    }
}

#[test]
fn no_service_may_make_the_queues_of_another_and_no_right_is_left_open() {
    let found: Value = serde_json::from_str(&std::fs::read_to_string(path()).unwrap()).unwrap();
    let users: Vec<&str> =
        found["users"].as_array().unwrap().iter().map(|user| user["name"].as_str().unwrap()).collect();
    assert_eq!(users, ["bank-service", "log-service", "email-service", "operator"]);
    for user in ["bank-service", "log-service", "email-service"] {
        let rights = found["permissions"].as_array().unwrap().iter().find(|rights| rights["user"] == user).unwrap();
        let own = format!("^{}", user.replace('-', "[-]"));
        let configure = rights["configure"].as_str().unwrap();
        assert!(configure.starts_with(&own) && configure.ends_with('$'), "{user} may configure {configure}");
        for right in ["write", "read"] {
            let text = rights[right].as_str().unwrap();
            assert!(text.starts_with("^(") && text.ends_with(")$") && !text.contains(".*"), "{user}: {right} {text}");
            assert!(!text.contains("amq"), "{user}: the default exchange leads to every queue: {right} {text}");
        }
    }
}

/// A service that may bind its queue to more could read the links and codes of `email.requested`.
#[test]
fn each_service_may_bind_to_the_events_of_its_own_queues_only_and_one_alone_publishes() {
    let found: Value = serde_json::from_str(&std::fs::read_to_string(path()).unwrap()).unwrap();
    let all = found["topic_permissions"].as_array().unwrap();
    for (user, write) in [("bank-service", ".*"), ("log-service", "^$"), ("email-service", "^$")] {
        let rights: Vec<&Value> = all.iter().filter(|rights| rights["user"] == user).collect();
        assert_eq!(rights.len(), 1, "{user}");
        assert_eq!(rights[0]["exchange"], EXCHANGE, "{user}");
        assert_eq!(rights[0]["write"], write, "{user}");
        let read = rights[0]["read"].as_str().unwrap().replace("[.]", ".").replace("[*]", "*");
        let listed = read.strip_prefix("^(").and_then(|rest| rest.strip_suffix(")$")).unwrap();
        let listed: BTreeSet<String> = listed.split('|').map(str::to_owned).collect();
        let own = QUEUES.into_iter().filter(|queue| queue.split('.').next() == Some(user));
        let bound: BTreeSet<String> = own.flat_map(catalog::bindings).map(|pattern| pattern.to_string()).collect();
        assert_eq!(listed, bound, "{user}");
    }
}
