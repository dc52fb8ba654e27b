//! [`Siege`]: a node, an attacker, and a neighbour who must not notice.

use std::{collections::HashMap, net::SocketAddr, time::Duration};

use weaver_runtime::{
    limits::Limits,
    net::{Identity, ServingGauges},
};

use crate::{
    log,
    neighbour::Neighbour,
    probe::{Callee, FRIEND},
    raw::{self, Appetite, Raw},
    until,
};

/// A node under attack beside a good caller. What must be true of every attack is checked at its
/// [`end`](Self::end).
pub(crate) struct Siege {
    pub(crate) callee: Callee,
    pub(crate) neighbour: Neighbour,
    /// The number of the log's first line that may be about this node.
    first_line: usize,
    /// Kept so that nobody else gets their addresses while lines are counted by these.
    attackers: Vec<quinn::Endpoint>,
    /// What the log must say of attackers, each exactly once.
    lines: Vec<(SocketAddr, &'static str)>,
    /// How many it may say of those of which that is not known.
    allowed: HashMap<SocketAddr, usize>,
}

impl Siege {
    pub(crate) async fn new() -> Self {
        Self::with_limits(Limits::default()).await
    }

    pub(crate) async fn with_limits(limits: Limits) -> Self {
        log::start();
        let first_line = log::len();
        let callee = Callee::with_limits(&limits);
        let neighbour = Neighbour::new(&callee).await;
        let (attackers, lines) = (Vec::new(), Vec::new());
        Self { callee, neighbour, first_line, attackers, lines, allowed: HashMap::new() }
    }

    /// An attacker that was let in.
    pub(crate) async fn attacker(&mut self) -> Raw {
        let identity = self.callee.authority.identity(FRIEND);
        self.attacker_with(&identity, Appetite::default()).await
    }

    pub(crate) async fn attacker_with(&mut self, identity: &Identity, appetite: Appetite) -> Raw {
        let mut raw = self.stranger(identity, appetite).await;
        raw.greet().await;
        raw
    }

    /// An attacker that has said nothing yet.
    pub(crate) async fn stranger(&mut self, identity: &Identity, appetite: Appetite) -> Raw {
        let raw = Raw::connect_with(identity, self.callee.address, appetite).await;
        self.watch(&raw.endpoint);
        raw
    }

    /// A connection that may be thrown out at once.
    pub(crate) async fn dial(&mut self, identity: &Identity) -> (SocketAddr, quinn::Connection) {
        let (address, appetite) = (self.callee.address, Appetite::default());
        let (endpoint, quic) =
            raw::dial(Some(identity), &identity.authority, address, appetite).await;
        self.watch(&endpoint);
        (endpoint.local_addr().unwrap(), quic.unwrap())
    }

    /// The endpoint of the last attacker.
    pub(crate) fn last_dialled(&self) -> &quinn::Endpoint {
        self.attackers.last().expect("somebody dialled")
    }

    /// The lines about this endpoint are counted.
    pub(crate) fn watch(&mut self, endpoint: &quinn::Endpoint) {
        self.attackers.push(endpoint.clone());
    }

    /// The log must say this of that attacker, and nothing else.
    pub(crate) async fn expect_line(&mut self, attacker: SocketAddr, part: &'static str) {
        until(part, || !self.lines_about(attacker, part).is_empty()).await;
        self.lines.push((attacker, part));
    }

    /// The log may say something of that attacker so often, and no more.
    pub(crate) fn allow_lines(&mut self, attacker: SocketAddr, most: usize) {
        self.allowed.insert(attacker, most);
    }

    pub(crate) fn lines_about(&self, attacker: SocketAddr, part: &str) -> Vec<String> {
        log::since(self.first_line, &[&format!("{attacker} "), part])
    }

    /// The connection of `raw` is closed by the node, with one line in its log.
    pub(crate) async fn expect_thrown_out(&mut self, raw: &Raw, part: &'static str) {
        let closed = raw.closed().await;
        assert!(matches!(closed, quinn::ConnectionError::ApplicationClosed(_)), "{closed:?}");
        self.expect_line(raw.address(), part).await;
    }

    /// The calls of others than the neighbour.
    pub(crate) fn gauges(&self) -> ServingGauges {
        self.callee.services.gauges()
    }

    /// The attack is over: the neighbour was served all the time, nothing is left of the attackers,
    /// somebody new is served, and the log has the lines that were expected and no more.
    pub(crate) async fn end(self) {
        let Self { callee, neighbour, first_line, attackers, lines, allowed } = self;
        for attacker in &attackers {
            attacker.close(quinn::VarInt::from_u32(0), b"the attack is over");
        }
        neighbour.assert_unharmed(&callee).await;
        let nothing = ServingGauges::default();
        until("the end of all that was taken on", || callee.services.gauges() == nothing).await;
        callee.assert_serves().await;
        assert_eq!(callee.services.drain(Duration::from_secs(5)).await, 0);
        for attacker in &attackers {
            let address = attacker.local_addr().unwrap();
            let found = log::since(first_line, &[&format!("{address} ")]);
            if let Some(most) = allowed.get(&address) {
                assert!(found.len() <= *most, "{} lines: {:#?}", found.len(), found.first());
                continue;
            }
            let expected = lines.iter().filter(|(about, _)| *about == address).count();
            assert_eq!(found.len(), expected, "{found:#?}");
        }
    }
}
