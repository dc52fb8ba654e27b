//! `weaver call`.

use std::{convert::Infallible, error::Error, fmt, future::poll_fn, io, time::Duration};

use clap::Args;
use serde::Serialize;
use serde_json::Value;
use tokio::time::sleep;
use weaver_runtime::{
    CallError, Failure, Message, Ran, Request,
    config::hint,
    control::Program,
    graph::{Graph, MethodNode},
    limits::Limits,
    net::{Endpoint, Hello, Router},
    route,
};

use super::runtime;
use crate::{
    logs::{self, Printer},
    schema::{Dynamic, JsonError, ResultSeed, Schema, SchemaError},
    signature::{Signature, describe},
    state::{self, Record},
};

/// Call a component's method in a running deployment.
///
/// Its result is printed as JSON, the items of a stream as they come, a line each. The arguments are a JSON array in their order, or an object by their names; a single
/// one may stand alone. A method with `#[route]` is called in the replica of its key. Ctrl-C cancels the call.
///
/// Exit code 0 when the method returned `Ok`, 1 when it returned an error, or could not be called.
#[derive(Debug, Args)]
pub(super) struct Call {
    /// The component and its method: `Cart.add`.
    #[arg(required_unless_present = "list")]
    method: Option<String>,

    /// Its arguments, as JSON; `-` reads them from standard input.
    #[arg(conflicts_with = "list", allow_negative_numbers = true)]
    arguments: Option<String>,

    /// Show all methods of the deployment instead, with their types.
    #[arg(long, conflicts_with = "method")]
    list: bool,

    /// The application, where several are deployed.
    #[arg(long, value_name = "NAME")]
    app: Option<String>,

    /// The process id of its deployer, where it is deployed several times.
    #[arg(long)]
    pid: Option<u32>,

    /// With `--list`: print JSON.
    #[arg(long, requires = "list")]
    json: bool,
}

/// A method could not be called.
#[derive(Debug, thiserror::Error)]
enum CallFailed {
    #[error("nothing is deployed on this machine; `weaver deploy` deploys a program")]
    NothingDeployed,
    #[error("this application is not deployed on this machine; there is {0}")]
    NotDeployed(String),
    #[error(
        "several are deployed on this machine: {0}; choose one with `--app NAME` or `--pid PID`"
    )]
    SeveralDeployed(String),
    #[error("`{0}` is no method: write COMPONENT.METHOD, as `weaver call --list` shows them")]
    NoMethodName(String),
    #[error("{app} has no component `{component}`{hint}")]
    NoComponent { app: String, component: String, hint: String },
    #[error("{component} has no method `{method}`{hint}")]
    NoMethod { component: String, method: String, hint: String },
    #[error("the arguments are not JSON: {error}{hint}")]
    NotJson { error: serde_json::Error, hint: &'static str },
    #[error("{error}\n{help}")]
    Arguments { error: JsonError, help: String },
    #[error(
        "{name} takes, or returns, what only Rust code can; `weaver call` cannot call it\n{help}"
    )]
    NotForCommands { name: String, help: String },
    #[error(transparent)]
    Schema(#[from] SchemaError),
    /// The author's error.
    #[error("{name} returned an error: {error}")]
    Returned { name: String, error: String },
}

/// As of a process that SIGINT ended.
const INTERRUPTED_EXIT_CODE: u8 = 128 + 2;

/// How often a command that waits for a call asks where the replicas are: they may have been started anew.
const ROUTES_MILLISECONDS: u64 = 500;

impl Call {
    pub(super) fn run(self) -> Result<u8, Box<dyn Error>> {
        let record = one(state::running()?, self.app.as_deref(), self.pid)?;
        runtime()?.block_on(self.answer(&record))
    }

    /// Prints what was asked for.
    async fn answer(&self, record: &Record) -> Result<u8, Box<dyn Error>> {
        let program = record.ask(|deployer| async move { deployer.program().await });
        let program = program.await.map_err(|error| {
            error.context(format_args!("the deployer of {} does not tell its program", record.app))
        })?;
        let Some(name) = &self.method else {
            let listing = Listing::new(&program.graph);
            let text = if self.json {
                serde_json::to_string_pretty(&listing)?
            } else {
                listing.to_string()
            };
            logs::say(text.trim_end());
            return Ok(0);
        };
        let method = Method::find(&record.app, &program.graph, name)?;
        let arguments = method.read(self.arguments()?.as_ref())?;
        let limits = Limits { replica_wait: program.replica_wait, ..Limits::default() };
        let endpoint = record.endpoint(&limits)?;
        let called = tokio::select! {
            called = method.call(record, &program, &endpoint, &arguments) => called,
            _ = tokio::signal::ctrl_c() => Ok(INTERRUPTED_EXIT_CODE),
        };
        // The callee hears of it, and stops.
        endpoint.close().await;
        called
    }

    fn arguments(&self) -> Result<Option<Value>, CallFailed> {
        let Some(text) = self.arguments.as_deref() else { return Ok(None) };
        let parsed = match text {
            "-" => serde_json::from_reader(io::stdin().lock()),
            text => serde_json::from_str(text),
        };
        // Words, and what looks like a number and is none: `00017`.
        let is_numeral = text.starts_with(|first: char| first.is_ascii_digit())
            && !text.contains(char::is_whitespace);
        let hint = if is_numeral || text.starts_with(char::is_alphabetic) {
            "; a text has quotes of its own: '\"tea\"'"
        } else {
            ""
        };
        parsed.map(Some).map_err(|error| CallFailed::NotJson { error, hint })
    }
}

/// Tells the router where the replicas are, again and again.
async fn follow(record: &Record, router: &Router) -> Infallible {
    loop {
        sleep(Duration::from_millis(ROUTES_MILLISECONDS)).await;
        // A deployer that does not answer now is asked again.
        if let Ok(routes) = record.ask(|deployer| async move { deployer.routes().await }).await {
            router.set_routes(&routes);
        }
    }
}

/// The deployment that is meant.
fn one(
    mut records: Vec<Record>,
    app: Option<&str>,
    pid: Option<u32>,
) -> Result<Record, CallFailed> {
    let known = |records: &[Record]| {
        let known = records.iter().map(|Record { app, pid, .. }| format!("{app} (pid {pid})"));
        known.collect::<Vec<_>>().join(", ")
    };
    let all = known(&records);
    records.retain(|record| {
        app.is_none_or(|app| record.app == app) && pid.is_none_or(|pid| record.pid == pid)
    });
    let several = known(&records);
    match records.pop() {
        Some(record) if records.is_empty() => Ok(record),
        Some(_) => Err(CallFailed::SeveralDeployed(several)),
        None if all.is_empty() => Err(CallFailed::NothingDeployed),
        None => Err(CallFailed::NotDeployed(all)),
    }
}

/// A method, as a command knows it.
struct Method<'a> {
    /// With its component's.
    name: String,
    component: &'a str,
    /// The component's index on the wire.
    component_index: u16,
    index: u16,
    node: &'a MethodNode,
    signature: Signature<'a>,
}

impl<'a> Method<'a> {
    fn new(
        (component_index, component): (u16, &'a str),
        (index, node): (u16, &'a MethodNode),
    ) -> Result<Self, SchemaError> {
        let signature = Signature::new(node)?;
        let name = format!("{component}.{}", node.name);
        Ok(Self { name, component, component_index, index, node, signature })
    }

    /// By `COMPONENT.METHOD`; a component's name may have dots.
    fn find(app: &str, graph: &'a Graph, name: &str) -> Result<Self, CallFailed> {
        let parts = name.rsplit_once('.');
        let (component, method) = parts.ok_or_else(|| CallFailed::NoMethodName(name.to_owned()))?;
        let mut components = (0..).zip(&graph.components);
        let Some((component_index, (component, node))) =
            components.find(|(_, (it, _))| *it == component)
        else {
            let known: Vec<_> = graph.components.keys().map(String::as_str).collect();
            let hint = hint(component, &known);
            let (app, component) = (app.to_owned(), component.to_owned());
            return Err(CallFailed::NoComponent { app, component, hint });
        };
        let Some(method) = (0..).zip(&node.methods).find(|(_, it)| it.name == method) else {
            let known: Vec<_> = node.methods.iter().map(|method| method.name.as_str()).collect();
            let (component, hint) = (component.clone(), hint(method, &known));
            return Err(CallFailed::NoMethod { component, method: method.to_owned(), hint });
        };
        Ok(Self::new((component_index, component), method)?)
    }

    fn read(&self, json: Option<&Value>) -> Result<Dynamic, CallFailed> {
        let Signature { arguments, value, error, .. } = &self.signature;
        let is_shown = error.is_plain() && (value.is_plain() || value.items().is_some());
        if !arguments.is_plain() || !is_shown || !self.node.problems.is_empty() {
            let (name, help) = (self.name.clone(), self.help());
            return Err(CallFailed::NotForCommands { name, help });
        }
        let read = arguments.read_arguments(&self.node.arguments, json);
        read.map_err(|error| CallFailed::Arguments { error, help: self.help() })
    }

    /// What the call is routed by, if the method is.
    fn key(&self, arguments: &Dynamic) -> Option<u64> {
        let MethodNode { arguments: names, route, .. } = self.node;
        if route.is_empty() {
            return None;
        }
        let key = self.signature.arguments.key(names, route, arguments);
        let hash = key.map(|key| route::key(&key)).map_err(|part| {
            let name = &self.name;
            logs::note(&format!(
                "{name} is routed by `{part}`, and nothing of that name is sent: any replica is called"
            ));
        });
        hash.ok()
    }

    /// Calls it, and prints what it returns; the exit code.
    async fn call(
        &self,
        record: &Record,
        program: &Program,
        endpoint: &Endpoint,
        arguments: &Dynamic,
    ) -> Result<u8, Box<dyn Error>> {
        let Program { graph, placement, routes, .. } = program;
        let router =
            Router::new(endpoint.clone(), Hello::new(graph.fingerprint()), graph.signatures());
        router.set_routes(routes);
        let group = placement.group_of(self.component).unwrap_or(self.component);
        let failed = |failure: Failure| CallError::new(self.component, &self.node.name, failure);
        let request = Request {
            method: self.index,
            spec: Some(self.node.leak_spec()),
            key: self.key(arguments),
            arguments: Message::encode(arguments, Ran::No),
        };
        let transport = router.transport(group, self.component_index);
        let called = tokio::select! {
            called = transport.call(request) => called,
            never = follow(record, &router) => match never {},
        };
        let mut answer = called.map_err(failed)?;
        let streams = answer.detach_streams();
        let Signature { value, error, .. } = &self.signature;
        let result = answer.decode_with(ResultSeed(value.root(), error.root()), Ran::Yes);
        let items = value.items();
        let returned = self.succeeded(result.map_err(failed)?)?;
        let Some((item, error)) = items.as_ref().and_then(Schema::result) else {
            logs::say(&serde_json::to_string_pretty(&returned)?);
            return Ok(0);
        };
        let mut code = 0;
        let printer = Printer::start();
        for mut stream in streams {
            while let Some(next) = poll_fn(|cx| stream.as_mut().poll_next(cx)).await {
                let next = next.and_then(|it| it.decode_with(ResultSeed(item, error), Ran::Yes));
                match self.succeeded(next.map_err(failed)?) {
                    Ok(value) if printer.print(value.to_string()).await => {}
                    // Nobody reads them any more.
                    Ok(_) => return Ok(code),
                    // The author's, which does not end the stream.
                    Err(error) => {
                        logs::error(&error);
                        code = 1;
                    }
                }
            }
        }
        printer.end().await;
        Ok(code)
    }

    /// The value of a result, or the author's error in words.
    fn succeeded(&self, result: Result<Value, Value>) -> Result<Value, CallFailed> {
        let returned =
            |error| CallFailed::Returned { name: self.name.clone(), error: returned(&error) };
        result.map_err(returned)
    }

    /// What is shown to whoever gave other arguments.
    fn help(&self) -> String {
        let types = self.signature.types().into_iter().map(|line| format!("\n    {line}"));
        format!("  {}.{}{}", self.component, self.signature, types.collect::<String>())
    }
}

/// An error of the method's, in words where it is of a type that has some.
fn returned(error: &Value) -> String {
    if let Ok(chain) = serde_json::from_value::<weaver_runtime::Error>(error.clone()) {
        return format!("{chain:#}");
    }
    serde_json::from_value::<CallError>(error.clone())
        .map_or_else(|_| error.to_string(), |error| error.to_string())
}

/// Every method of a program, with its types.
#[derive(Debug, Serialize)]
#[serde(transparent)]
struct Listing(Vec<Listed>);

#[derive(Debug, Serialize)]
struct Listed {
    method: String,
    signature: String,
    types: Vec<String>,
}

impl Listing {
    fn new(graph: &Graph) -> Self {
        let methods = graph.methods().map(|(component, node)| {
            let (signature, types) = describe(node);
            let method = format!("{component}.{}", node.name);
            Listed { method, signature: format!("{component}.{signature}"), types }
        });
        Self(methods.collect())
    }
}

impl fmt::Display for Listing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for Listed { signature, types, .. } in &self.0 {
            writeln!(f, "{signature}")?;
            types.iter().try_for_each(|line| writeln!(f, "  {line}"))?;
        }
        Ok(())
    }
}
