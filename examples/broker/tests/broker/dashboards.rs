//! The dashboard and the alerts load, and speak of metrics that there are.

use std::collections::BTreeSet;
use std::net::SocketAddr;

use broker::Config;
use yaml_rust2::{Yaml, YamlLoader};

use crate::client::{Client, Sender, batch};
use crate::operations::get;
use crate::server::Server;

/// The names of everything that a broker in use shows.
fn shown() -> BTreeSet<String> {
    let http = Some(SocketAddr::from(([127, 0, 0, 1], 0)));
    let server = Server::with(Config { http, ..Config::default() });
    let mut client = Client::connect(server.address());
    client.metadata(&["t"]);
    client.produce("t", 0, batch(Sender::NOBODY, &["a"]));
    assert_eq!(client.commit("g", "t", 1), 0);
    let metrics = get(server.http_address(), "/metrics").1;
    server.stop();
    let lines = metrics.lines().filter(|line| !line.starts_with('#'));
    lines.filter_map(|line| line.split(['{', ' ']).next()).map(str::to_owned).collect()
}

/// The names of the broker's and the engine's metrics in an expression.
fn named(expression: &str) -> impl Iterator<Item = &str> {
    let words = expression.split(|symbol: char| !(symbol.is_ascii_alphanumeric() || symbol == '_'));
    words.filter(|word| word.starts_with("broker_") || word.starts_with("roundhouse_"))
}

fn read(name: &str) -> String {
    let path = format!("{}/config/{name}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(path).unwrap()
}

#[test]
fn what_dashboard_and_alerts_ask_for_is_shown() {
    let shown = shown();
    let dashboard: serde_json::Value =
        serde_json::from_str(&read("grafana-dashboard.json")).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    let targets = panels.iter().flat_map(|panel| panel["targets"].as_array().unwrap());
    let mut asked: Vec<String> =
        targets.map(|target| target["expr"].as_str().unwrap().to_owned()).collect();
    assert!(asked.len() >= panels.len() && panels.len() >= 8);

    let alerts = &YamlLoader::load_from_str(&read("prometheus-alerts.yml")).unwrap()[0];
    let rules = alerts["groups"][0]["rules"].as_vec().unwrap();
    for rule in rules {
        assert!(matches!(rule["alert"], Yaml::String(_)), "{rule:?}");
        assert!(rule["annotations"]["summary"].as_str().is_some(), "{rule:?}");
        asked.push(rule["expr"].as_str().unwrap().to_owned());
    }
    assert!(rules.len() >= 5);
    for expression in asked {
        let missing: Vec<_> = named(&expression).filter(|name| !shown.contains(*name)).collect();
        assert!(missing.is_empty(), "{missing:?} of {expression} are not shown");
        let balance =
            |open, close| expression.matches(open).count() == expression.matches(close).count();
        assert!(balance('(', ')') && balance('{', '}') && balance('[', ']'), "{expression}");
    }
}
