//! Calls with a key.

use std::collections::BTreeMap;

use weaver_runtime::limits::Limits;

use crate::{caller::Caller, deployment::Deployment, method::KEYED, seed};

const KEYS: u64 = 200;

async fn homes(deployment: &Deployment) -> BTreeMap<u64, u32> {
    let mut homes = BTreeMap::new();
    for key in 0..KEYS {
        homes.insert(key, deployment.caller.backend.served_by(KEYED, key).await);
    }
    homes
}

#[tokio::test(flavor = "multi_thread")]
async fn equal_keys_meet_the_same_replica_and_only_those_of_one_that_leaves_move() {
    seed();
    let mut deployment = Deployment::of(4);
    let before = homes(&deployment).await;
    assert_eq!(homes(&deployment).await, before);
    assert!((0..4).all(|replica| before.values().any(|home| *home == replica)), "{before:?}");

    let leaving = deployment.remove(2);
    leaving.stop().await;
    deployment.publish();
    let without = homes(&deployment).await;
    let moved = |(key, home): (&u64, &u32)| without[key] != *home;
    let moved: Vec<_> = before.iter().filter(|it| moved(*it)).map(|(_, home)| *home).collect();
    let its_keys = before.values().filter(|home| **home == 2).count();
    println!("{} of {KEYS} keys moved; {its_keys} were its", moved.len());
    assert_eq!(moved, vec![2; its_keys]);

    // The same replica in a new process gets them back.
    deployment.start(2, &Limits::default());
    deployment.publish();
    assert_eq!(homes(&deployment).await, before);
}

/// A component with keys is called so by those in its own group, too, and by itself.
#[tokio::test(flavor = "multi_thread")]
async fn a_replica_finds_the_home_of_a_key_like_everybody_else_be_it_itself() {
    seed();
    let deployment = Deployment::of(2);
    let homes = homes(&deployment).await;
    let within = Caller::on(deployment.replica(0).endpoint.clone());
    within.router.set_routes(&deployment.routes());
    for (key, home) in homes {
        assert_eq!(within.backend.served_by(KEYED, key).await, home);
    }
}
