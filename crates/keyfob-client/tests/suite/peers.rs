//! The scenario against other people's servers, which `.ci/peers` starts.

use keyfob_client::Reqwest;

use crate::{scenario::scenario, server::builder};

/// The base URLs of the servers, with blanks between them; each takes the token `peer-token`.
const PEERS: &str = "KEYFOB_PEERS";

#[tokio::test]
async fn the_scenario_runs_against_the_peers_that_there_are() {
    let peers = std::env::var(PEERS).unwrap_or_default();
    if peers.trim().is_empty() {
        println!("skipped: {PEERS} names no server; .ci/peers starts some");
    }
    for (number, url) in peers.split_whitespace().enumerate() {
        println!("{url}");
        let client = builder(url, "peer-token")
            .on_deviation(|deviation| println!("  {deviation}"))
            .transport(Reqwest::new().unwrap())
            .build()
            .unwrap();
        scenario(&client, &format!("peer{number}")).await;
    }
}
