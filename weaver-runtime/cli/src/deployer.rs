//! The deployer: starts a plan's replicas and the ingress, keeps them alive, and ends them.
//!
//! One task owns everything and reacts to [`Event`]s; [`Supervisor`] decides what is to be done. The
//! deployer is never on the path of a call between the program's components.

mod desk;
mod event;
mod front;
mod listeners;
mod peer;

use std::{
    collections::{BTreeMap, BTreeSet},
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    sync::{mpsc, watch},
};
use weaver_runtime::{
    bootstrap::{Bootstrap, CRASH_EXIT_CODES, PANIC_EXIT_CODE, REPLICA_VARIABLE},
    config::ConfigFile,
    control::{self, GroupStatus, Program, ReplicaStatus, Status},
    graph::Graph,
    limits::Limits,
    net::{Endpoint, Identity, Io, ReplicaAddress, ReplicaId, Routes, Services},
    placement::{COMMAND, DEPLOYER, INGRESS, MAIN},
    sandbox::SandboxBootstrap,
};

use self::{
    desk::Desk,
    event::{End, Event},
    front::Front,
    peer::Peer,
};
use crate::{
    authority::{Authority, CertificateError},
    ingress::{INGRESS_VARIABLE, IngressBootstrap},
    listening::{self, CannotListen},
    logs::{self, ReplicaLog},
    plan::Plan,
    process::{Executable, Launch, Process},
    sandbox::Sandbox,
    state::{self, Record, StateError},
    supervisor::{Action, CRASH_LOOP_ENDS, Generation, Phase, Supervisor},
};

/// What is deployed.
#[derive(Debug)]
pub(crate) struct Deployment {
    pub(crate) app: String,
    pub(crate) binary: PathBuf,
    pub(crate) graph: Graph,
    pub(crate) plan: Plan,
    pub(crate) config: ConfigFile,
    /// What the groups in a sandbox need, if there are any.
    pub(crate) sandbox: Option<Sandbox>,
}

/// A deployment that comes in place of another.
#[derive(Debug)]
pub(crate) struct Change {
    pub(crate) deployment: Deployment,
    pub(crate) affected: Affected,
}

/// Which groups differ between two deployments.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Affected {
    /// All may.
    All,
    /// These do; others go on as they are.
    Groups(BTreeSet<String>),
}

impl Affected {
    fn has(&self, group: &str) -> bool {
        match self {
            Self::All => true,
            Self::Groups(groups) => groups.contains(group),
        }
    }
}

/// A deployment could not be started, or had to end.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DeployError {
    /// Certificates.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    /// The program's file, or the command's.
    #[error("cannot open {}", .path.display())]
    Program {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    /// The deployer's own socket.
    #[error("cannot open the deployer's socket")]
    Socket(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The record for `weaver status`.
    #[error(transparent)]
    State(#[from] StateError),
    /// Signals.
    #[error("cannot listen for signals")]
    Signals(#[source] std::io::Error),
    /// Listeners' public addresses.
    #[error("{}", lines(.0))]
    Listen(Vec<CannotListen>),
}

/// Events that may wait for the deployer: replicas report a few times each at start.
const EVENTS_MAX: usize = 1024;

/// What calls in flight get to finish when the deployment ends.
const GRACE_SECONDS: u64 = 5;

/// From the order to stop until those who were told are killed: the grace, and components' `shutdown`.
/// Once for `main` and the ingress, and once for the others.
const STOP_SECONDS_MAX: u64 = 20;

/// Deploys, and returns when it is over: with the exit code of `main`, or 0 after a signal.
pub(crate) async fn run(deployment: Deployment) -> Result<u8, DeployError> {
    check_addresses(&deployment).await?;
    let (events, inbox) = mpsc::channel(EVENTS_MAX);
    supervise(Deployer::new(deployment, events)?, inbox).await
}

/// Deploys, and then each deployment that comes in place of the one before: what has not changed goes on, and the
/// ingress keeps its listeners. It goes on when `main` returns, or an address cannot be had, until a signal.
pub(crate) async fn run_changing(
    deployment: Deployment,
    mut changes: mpsc::Receiver<Change>,
) -> Result<u8, DeployError> {
    let (events, inbox) = mpsc::channel(EVENTS_MAX);
    let mut deployer = Deployer::new(deployment, events.clone())?;
    deployer.awaits_changes = true;
    let forward = tokio::spawn(async move {
        while let Some(change) = changes.recv().await {
            if events.send(Event::Changed(Box::new(change))).await.is_err() {
                return;
            }
        }
    });
    let end = supervise(deployer, inbox).await;
    forward.abort();
    end
}

/// Before anything is started: the ingress, which binds them, is among what is.
async fn check_addresses(deployment: &Deployment) -> Result<(), DeployError> {
    let listeners = front::addresses(&deployment.graph, &deployment.config);
    let taken = listening::taken(listeners).await;
    if taken.is_empty() { Ok(()) } else { Err(DeployError::Listen(taken)) }
}

async fn supervise(
    mut deployer: Deployer,
    mut inbox: mpsc::Receiver<Event>,
) -> Result<u8, DeployError> {
    let mut signals = Signals::new()?;
    deployer.begin();
    loop {
        let tick = deployer.next_tick();
        tokio::select! {
            Some(event) = inbox.recv() => deployer.handle(event),
            () = signals.next() => deployer.interrupt(),
            () = tokio::time::sleep_until(tick.into()) => {}
        }
        // After every event, too: a stream of them must not keep time from being looked at.
        deployer.tick();
        if let Some(end) = deployer.finished() {
            return end;
        }
    }
}

struct Deployer {
    deployment: Deployment,
    program: Executable,
    guests: Option<Guests>,
    /// This command, which is the ingress, too.
    command: Executable,
    authority: Authority,
    endpoint: Endpoint,
    address: SocketAddr,
    events: mpsc::Sender<Event>,
    supervisor: Supervisor,
    processes: BTreeMap<ReplicaId, Running>,
    routes: watch::Sender<Routes>,
    front: Front,
    end: Option<Ending>,
    /// The next change may mend it: neither the end of `main` nor an address that cannot be had ends the deployment.
    awaits_changes: bool,
    /// When it started, in seconds since 1970 and as an instant, for `status`.
    since: (u64, Instant),
    _record: state::Held,
}

/// What the groups in a sandbox run, as it was when the deployment began.
struct Guests {
    host: Executable,
    wasm: Executable,
    /// Where compiled code is kept.
    cache: PathBuf,
}

impl Guests {
    fn open(sandbox: &Sandbox) -> Result<Self, DeployError> {
        let Sandbox { host, wasm, cache } = sandbox;
        Ok(Self { host: executable(host)?, wasm: executable(wasm)?, cache: cache.clone() })
    }
}

/// A process of the deployment.
struct Running {
    log: ReplicaLog,
    pid: Option<u32>,
    /// Dropping it kills the process.
    kill: mpsc::Sender<()>,
    /// Once it has reported.
    peer: Option<Peer>,
}

/// The deployment is ending.
struct Ending {
    result: Result<u8, DeployError>,
    /// When what is left is killed.
    until: Instant,
    /// `main` and the ingress are told first; the others when those have ended.
    told_all: bool,
}

impl Deployer {
    fn new(deployment: Deployment, events: mpsc::Sender<Event>) -> Result<Self, DeployError> {
        let program = executable(&deployment.binary)?;
        let guests = deployment.sandbox.as_ref().map(Guests::open).transpose()?;
        let command = std::env::current_exe()
            .map_err(|source| DeployError::Program { path: "weaver".into(), source })?;
        let command = executable(&command)?;
        let authority = Authority::new()?;
        let identity = authority.identity(DEPLOYER)?;
        let (endpoint, address) = endpoint(&identity).map_err(DeployError::Socket)?;
        let desk: Arc<dyn control::Deployer> = Arc::new(Desk::new(events.clone()));
        endpoint.serve(Services::new(
            [control::table(desk)],
            control::signatures(),
            &Limits::default(),
        ));
        let record = Record {
            app: deployment.app.clone(),
            pid: std::process::id(),
            address,
            identity: authority.identity(COMMAND)?,
        };
        let record = record.publish()?;
        let front = Front::new(&deployment.graph, &deployment.config, events.clone());
        // The actions, which start every process, are those that `begin` takes.
        let (supervisor, _) = Supervisor::new([], Instant::now());
        Ok(Self {
            deployment,
            program,
            guests,
            command,
            authority,
            endpoint,
            address,
            events,
            supervisor,
            processes: BTreeMap::new(),
            routes: watch::Sender::default(),
            front,
            end: None,
            awaits_changes: false,
            since: (state::unix_seconds(), Instant::now()),
            _record: record,
        })
    }

    fn begin(&mut self) {
        let (supervisor, actions) = Supervisor::new(self.replicas(), Instant::now());
        self.supervisor = supervisor;
        self.perform(actions);
    }

    /// Those of the plan, and the ingress if there is something to be called from outside.
    fn replicas(&self) -> impl Iterator<Item = ReplicaId> {
        let ingress = ReplicaId { group: INGRESS.to_owned(), index: 0 };
        self.deployment.plan.replicas().chain((!self.front.is_empty()).then_some(ingress))
    }

    fn handle(&mut self, event: Event) {
        let now = Instant::now();
        match event {
            Event::Started { at, reply } => {
                let actions = self.supervisor.handle_started(&at, now);
                if !actions.is_empty() {
                    self.greet(&at);
                }
                self.perform(actions);
                // Nobody waits for an answer if the replica has died meanwhile.
                let _ = reply.send(self.supervisor.routes().clone());
            }
            Event::Healthy { at, health } => {
                self.supervisor.handle_healthy(&at.replica, at.address, now);
                let process = self.processes.get_mut(&at.replica);
                if let Some(peer) = process.and_then(|process| process.peer.as_mut()) {
                    peer.health = Some(health);
                }
            }
            Event::Listening { replica, listener, at } => {
                // One that is being ended accepts nothing more.
                if !self.supervisor.is_to_end(&replica) {
                    self.front.add_upstream(&listener, replica, at);
                }
            }
            Event::MainReturned { code } => self.main_returned(code),
            Event::Changed(change) => self.change(*change),
            Event::Ended { replica, generation, end } => self.ended(&replica, generation, &end),
            Event::Opened { told, opened } => {
                let failures = self.front.opened(&told, opened);
                // What has served before is worth waiting for.
                if self.awaits_changes || failures.iter().all(|it| self.front.was_open(it)) {
                    self.explain(failures);
                } else {
                    self.stop(Err(DeployError::Listen(failures)));
                }
            }
            Event::Explained(failures) => {
                for failure in failures.iter().filter(|it| self.front.is_current(it)) {
                    logs::note(&format!("{failure}; trying again meanwhile"));
                }
            }
            Event::Program { reply } => {
                let Deployment { graph, plan, .. } = &self.deployment;
                let (graph, placement) = (graph.clone(), plan.placement.clone());
                let routes = self.supervisor.routes().clone();
                let replica_wait = self.deployment.config.limits().replica_wait;
                // As above.
                let _ = reply.send(Program { graph, placement, routes, replica_wait });
            }
            Event::Routes { reply } => {
                // As above.
                let _ = reply.send(self.supervisor.routes().clone());
            }
            Event::Status { reply } => {
                // As above.
                let _ = reply.send(self.status());
            }
        }
    }

    /// Asks who has these addresses: others, and this deployer, who must not wait for itself.
    fn explain(&self, failures: Vec<CannotListen>) {
        if failures.is_empty() {
            return;
        }
        let events = self.events.clone();
        tokio::spawn(async move {
            // The deployer is gone if this fails.
            let _ = events.send(Event::Explained(listening::explained(failures).await)).await;
        });
    }

    fn tick(&mut self) {
        let now = Instant::now();
        if self.end.as_ref().is_some_and(|end| now >= end.until) {
            self.kill_all();
        }
        let actions = self.supervisor.tick(now);
        self.perform(actions);
    }

    fn next_tick(&self) -> Instant {
        let idle = Instant::now() + Duration::from_secs(1);
        let ending =
            self.end.as_ref().map(|end| end.until.max(Instant::now() + Duration::from_millis(50)));
        self.supervisor.next_tick().into_iter().chain(ending).fold(idle, Instant::min)
    }

    /// Ctrl-C or SIGTERM: once to end in order, twice to end at once.
    fn interrupt(&mut self) {
        if self.end.is_some() {
            self.kill_all();
        } else {
            logs::note("stopping; once more to stop at once");
            self.stop(Ok(0));
        }
    }

    fn perform(&mut self, actions: Vec<Action>) {
        for action in actions {
            match action {
                Action::Start(replica, generation) => self.start(&replica, generation),
                Action::Kill(replica, reason) => {
                    logs::note(&format!("killing {replica}: {reason}"));
                    self.kill(&replica);
                }
                Action::Stop(replica) => {
                    // What it listened at is no place for connections any more.
                    self.front.remove_upstreams(&replica);
                    self.tell_replica_to_stop(&replica);
                }
                Action::Publish(routes) => {
                    self.routes.send_replace(routes);
                }
            }
        }
    }

    fn main_returned(&mut self, code: u8) {
        if !self.awaits_changes {
            return self.stop(Ok(code));
        }
        let main = ReplicaId { group: MAIN.to_owned(), index: 0 };
        if self.end.is_none() && !self.supervisor.is_to_end(&main) {
            self.supervisor.handle_finished(&main, Instant::now());
            self.tell_replica_to_stop(&main);
            logs::note(&format!("`main` has ended, with exit code {code}"));
        }
    }

    /// Puts another deployment in place of this one.
    fn change(&mut self, Change { deployment, affected }: Change) {
        if self.end.is_some() {
            return;
        }
        let opened = executable(&deployment.binary).and_then(|program| {
            Ok((program, deployment.sandbox.as_ref().map(Guests::open).transpose()?))
        });
        match opened {
            Ok((program, guests)) => (self.program, self.guests) = (program, guests),
            // It was built a moment ago: the next build comes.
            Err(error) => return logs::error(&error),
        }
        self.front.change(&deployment.graph, &deployment.config);
        self.deployment = deployment;
        let wanted = self.replicas().collect();
        let is_affected =
            |replica: &ReplicaId| replica.group != INGRESS && affected.has(&replica.group);
        let actions = self.supervisor.handle_replace(&wanted, is_affected, Instant::now());
        self.perform(actions);
    }

    fn start(&mut self, replica: &ReplicaId, generation: Generation) {
        let log = match self.processes.get(replica) {
            Some(before) => before.log.clone(),
            None => self.log_of(replica),
        };
        let (kill, killed) = mpsc::channel(1);
        let (events, replica) = (self.events.clone(), replica.clone());
        let pid = match self.launch(&replica, &log) {
            Ok(process) => {
                let pid = process.id();
                tokio::spawn(event::watch(process, killed, replica.clone(), generation, events));
                pid
            }
            Err(error) => {
                let end = End::NotStarted(error);
                tokio::spawn(event::report_end(replica.clone(), generation, end, events));
                None
            }
        };
        self.processes.insert(replica, Running { log, pid, kill, peer: None });
    }

    fn launch(
        &self,
        replica: &ReplicaId,
        log: &ReplicaLog,
    ) -> Result<Process, Box<dyn std::error::Error + Send + Sync>> {
        let identity = self.authority.identity(&replica.group)?;
        let Deployment { config, plan, .. } = &self.deployment;
        if replica.group == INGRESS {
            let args = ["ingress".to_owned()];
            let launch = Launch {
                program: &self.command,
                args: &args,
                env: &[],
                variable: INGRESS_VARIABLE,
            };
            let bootstrap = IngressBootstrap { identity, deployer: self.address };
            return Ok(Process::start(&launch, &bootstrap, log)?);
        }
        let env: Vec<_> = config.env().iter().map(|(n, v)| (n.clone(), v.clone())).collect();
        let bootstrap = Bootstrap {
            replica: replica.clone(),
            identity,
            deployer: self.address,
            placement: plan.placement.clone(),
            config: config.path().map(|path| (path.to_owned(), config.text().to_owned())),
        };
        let launch =
            |program, args| Launch { program, args, env: &env, variable: REPLICA_VARIABLE };
        if let Some((host, bootstrap)) = self.in_sandbox(&bootstrap) {
            return Ok(Process::start(&launch(host, &[]), &bootstrap, log)?);
        }
        Ok(Process::start(&launch(&self.program, config.args()), &bootstrap, log)?)
    }

    /// The host, and what it is handed, if the replica runs in a sandbox.
    fn in_sandbox(&self, bootstrap: &Bootstrap) -> Option<(&Executable, SandboxBootstrap)> {
        let Deployment { plan, graph, .. } = &self.deployment;
        let group = plan.sandboxed().find(|group| group.name == bootstrap.replica.group)?;
        let guests = self.guests.as_ref()?;
        let bootstrap = SandboxBootstrap {
            bootstrap: bootstrap.clone(),
            graph: graph.clone(),
            wasm: guests.wasm.open_path(),
            cache: guests.cache.clone(),
            grants: group.sandbox.clone().unwrap_or_default(),
        };
        Some((&guests.host, bootstrap))
    }

    fn log_of(&self, replica: &ReplicaId) -> ReplicaLog {
        let groups = &self.deployment.plan.groups;
        let width = groups.iter().map(|group| group.name.len() + 2).max().unwrap_or(0);
        let group = groups.iter().position(|group| group.name == replica.group);
        ReplicaLog::new(&replica.to_string(), group.unwrap_or(groups.len()), width)
    }

    /// A replica has reported: from now on it is told where the others are, and asked how it is.
    fn greet(&mut self, at: &ReplicaAddress) {
        let Some(process) = self.processes.get_mut(&at.replica) else { return };
        if at.replica.group == INGRESS {
            self.front.greet(&self.endpoint, at);
        } else {
            let routes = self.routes.subscribe();
            process.peer = Some(Peer::new(&self.endpoint, at, routes, self.events.clone()));
        }
    }

    fn ended(&mut self, replica: &ReplicaId, generation: Generation, end: &End) {
        if replica.group == INGRESS {
            self.front.lose();
        }
        self.front.remove_upstreams(replica);
        if let Some(process) = self.processes.get_mut(replica) {
            (process.pid, process.peer) = (None, None);
        }
        if let Some(code) = end.exit_code().filter(|code| !self.is_crash(*code))
            && replica.group == MAIN
        {
            self.main_returned(code);
        }
        let is_expected = self.supervisor.is_to_end(replica);
        let now = Instant::now();
        let actions = self.supervisor.handle_ended(replica, generation, now, fastrand::f64());
        self.perform(actions);
        if !is_expected {
            self.tell_of_end(replica, end);
        }
        self.go_on_stopping();
    }

    /// Whether a program that exits with this code is to be started again. One that changes may panic in its `main`,
    /// too: it would do so again until the next change.
    fn is_crash(&self, code: u8) -> bool {
        CRASH_EXIT_CODES.contains(&code) && !(self.awaits_changes && code == PANIC_EXIT_CODE)
    }

    fn tell_of_end(&self, replica: &ReplicaId, end: &End) {
        let ends = self.supervisor.ends(replica);
        logs::note(&format!("{replica} {end}; starting it again"));
        if ends >= CRASH_LOOP_ENDS && ends.is_multiple_of(CRASH_LOOP_ENDS) {
            logs::note(&format!("{replica} is crashing in a loop; the last it wrote:"));
            let last = self.processes.get(replica).map(|process| process.log.take_last());
            last.into_iter().flatten().for_each(|line| logs::note(&format!("  {line}")));
        }
    }

    fn stop(&mut self, result: Result<u8, DeployError>) {
        if self.end.is_some() {
            return;
        }
        let now = Instant::now();
        let until = now + Duration::from_secs(STOP_SECONDS_MAX);
        self.end = Some(Ending { result, until, told_all: false });
        self.supervisor.handle_stop(now);
        self.tell_to_stop(is_front);
        self.go_on_stopping();
    }

    /// When those in front have ended, the others have nobody left to work for.
    fn go_on_stopping(&mut self) {
        let Some(end) = &mut self.end else { return };
        if !end.told_all && self.supervisor.all_stopped(is_front) {
            end.told_all = true;
            end.until = Instant::now() + Duration::from_secs(STOP_SECONDS_MAX);
            self.tell_to_stop(|replica| !is_front(replica));
        }
    }

    fn tell_to_stop(&self, which: impl Fn(&ReplicaId) -> bool) {
        self.processes.keys().filter(|id| which(id)).for_each(|id| self.tell_replica_to_stop(id));
    }

    fn tell_replica_to_stop(&self, replica: &ReplicaId) {
        let process = self.processes.get(replica);
        match process.and_then(|process| process.peer.as_ref()) {
            Some(peer) => peer.stop(Duration::from_secs(GRACE_SECONDS)),
            // It has not reported, or is the ingress, which has nothing to finish.
            None => self.kill(replica),
        }
    }

    fn kill(&self, replica: &ReplicaId) {
        if let Some(process) = self.processes.get(replica) {
            // Full or closed means that it is being killed, or has ended.
            let _ = process.kill.try_send(());
        }
    }

    fn kill_all(&self) {
        self.processes.keys().for_each(|replica| self.kill(replica));
    }

    /// How the deployment ended, once every process has.
    fn finished(&mut self) -> Option<Result<u8, DeployError>> {
        let over = self.end.is_some() && self.supervisor.all_stopped(|_| true);
        if over { self.end.take().map(|end| end.result) } else { None }
    }

    fn status(&self) -> Status {
        let groups = self.deployment.plan.groups.iter().map(|group| GroupStatus {
            name: group.name.clone(),
            components: group.components.clone(),
            sandboxed: group.sandbox.is_some(),
            replicas: self.replica_statuses(&group.name),
        });
        Status {
            app: self.deployment.app.clone(),
            pid: std::process::id(),
            since: self.since.0,
            groups: groups.collect(),
            listeners: self.front.status(),
        }
    }

    fn replica_statuses(&self, group: &str) -> Vec<ReplicaStatus> {
        let replicas = self.supervisor.replicas().filter(|(id, _)| id.group == group);
        let status = |(id, replica): (&ReplicaId, &crate::supervisor::Replica)| {
            let process = self.processes.get(id);
            let peer = process.and_then(|process| process.peer.as_ref());
            let health = peer.and_then(|peer| peer.health.as_ref());
            ReplicaStatus {
                index: id.index,
                pid: process.and_then(|process| process.pid),
                state: phase_name(replica.phase).to_owned(),
                since: self.unix(replica.since),
                restarts: replica.restarts,
                failed: health.map(|health| health.failed.clone()).unwrap_or_default(),
                offences: health.map(|health| health.offences.clone()).unwrap_or_default(),
                gauges: health.map(|health| health.gauges),
            }
        };
        replicas.map(status).collect()
    }

    fn unix(&self, instant: Instant) -> u64 {
        self.since.0 + instant.saturating_duration_since(self.since.1).as_secs()
    }
}

fn lines(failures: &[CannotListen]) -> String {
    failures.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

fn executable(path: &Path) -> Result<Executable, DeployError> {
    let failed = |source| DeployError::Program { path: path.to_owned(), source };
    Executable::open(path).map_err(failed)
}

/// The replicas through which work comes in.
fn is_front(replica: &ReplicaId) -> bool {
    replica.group == MAIN || replica.group == INGRESS
}

fn phase_name(phase: Phase) -> &'static str {
    match phase {
        Phase::Starting => "starting",
        Phase::Running { .. } => "running",
        Phase::Waiting { .. } => "waiting",
        Phase::Stopping { .. } | Phase::Replacing => "stopping",
        Phase::Stopped => "stopped",
    }
}

fn endpoint(
    identity: &Identity,
) -> Result<(Endpoint, SocketAddr), Box<dyn std::error::Error + Send + Sync>> {
    let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let endpoint = Endpoint::bind(any, identity, &Limits::default(), Io::new()?)?;
    let address = endpoint.local_addr()?;
    Ok((endpoint, address))
}

/// The signals that end a deployment.
struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    fn new() -> Result<Self, DeployError> {
        let listen = |kind| signal(kind).map_err(DeployError::Signals);
        let interrupt = listen(SignalKind::interrupt())?;
        Ok(Self { interrupt, terminate: listen(SignalKind::terminate())? })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}
