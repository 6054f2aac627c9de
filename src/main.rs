//! The program: flags, Corefile, server, signals.

use std::io::{Read, Write};
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result};
use fleetdns::cli::{self, Command, ServeOptions, open_files, pid_file};
use fleetdns::corefile::{self, Corefile, Diagnostic, ParseOptions, Position};
use fleetdns::plugin::order;
use fleetdns::server::instance::Instance;
use fleetdns::server::reloading::{Due, Reloading};
use fleetdns::telemetry::{build, log};
use tikv_jemallocator::Jemalloc;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// The word that names standard input instead of a file.
const STDIN: &str = "stdin";

/// What a long list leaves behind when it is read goes back to the system, which it does not with glibc's: of
/// 100,000 endpoints the rest is about half (benches/README.md).
#[global_allocator]
static ALLOCATOR: Jemalloc = Jemalloc;

fn main() -> ExitCode {
    match cli::parse(std::env::args_os().skip(1)) {
        Ok(command) => match run(command) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                // The same line as CoreDNS's: no prefix, to standard error.
                log::ends(&format!("{error:#}"));
                ExitCode::FAILURE
            }
        },
        Err(error) => {
            eprintln!("{error}");
            ExitCode::from(error.exit_code)
        }
    }
}

fn run(command: Command) -> Result<()> {
    match command {
        Command::Help(text) => print(&text),
        Command::Version => print(&build::version_text()),
        Command::Plugins => print(&order::built_in().collect::<Vec<_>>().join("\n")),
        Command::Vip(vip) => {
            let text = vip.text(|conf| corefile::load(conf, &ParseOptions::default()))?;
            print(&text)
        }
        Command::Check(check) => print(&check.text(|options| read(&check.conf, options))?),
        Command::Clusters(clusters) => {
            let text = clusters.text(|conf| corefile::load(conf, &ParseOptions::default()))?;
            print(&text)
        }
        Command::Explain(explain) => {
            let text = explain.text(|conf| corefile::load(conf, &ParseOptions::default()))?;
            print(&text)
        }
        Command::Serve(options) => serve(&options),
    }
}

/// A reader that closes early, such as `head`, is no error.
fn print(text: &str) -> Result<()> {
    match writeln!(std::io::stdout(), "{}", text.trim_end()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}

fn serve(options: &ServeOptions) -> Result<()> {
    log::start(options.log_format)
        .map_err(|error| anyhow::anyhow!(error))
        .context("the log cannot be started")?;
    open_files::raise();
    // kube's TLS needs a provider for the process; ring is the one that is built in.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let corefile = load(options)?;
    for warning in &corefile.warnings {
        tracing::warn!("{warning}");
    }
    let instance = Instance::build(&corefile)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut signals = Signals::new()?;
        let mut reload = signal(SignalKind::user_defined1())?;
        let banner = instance.served().join("\n");
        let mut running = instance.start()?;
        if !options.quiet {
            log::banner(&banner)?;
            log::banner(&build::version_text())?;
        }
        let _pid_file = options.pid_file.as_deref().and_then(pid_file::write);
        let mut reloading = Reloading::new(&corefile, &running);
        let named = loop {
            let due = tokio::select! {
                named = signals.end(options) => break named,
                _ = reload.recv() => Due::Signal,
                () = reloading.due() => Due::Poll,
            };
            let read = || load(options);
            tokio::select! {
                () = reloading.reload(due, read, &mut running) => {}
                named = signals.end(options) => break named,
            }
        };
        named.say();
        tokio::select! {
            () = running.stop() => Ok(()),
            () = signals.force(named) => {
                tracing::info!("SIGINT: Force quit");
                options.pid_file.as_deref().inspect(|path| pid_file::remove(path));
                std::process::exit(2)
            }
        }
    })
}

/// What asks for an orderly end.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    Terminate,
    Interrupt,
}

impl End {
    /// In CoreDNS's words.
    fn say(self) {
        match self {
            End::Terminate => tracing::info!("SIGTERM: Shutting down servers then terminating"),
            End::Interrupt => tracing::info!("SIGINT: Shutting down"),
        }
    }
}

/// The signals that the process listens to. Without that most of them would end it.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
    quit: Signal,
    /// As CoreDNS does not end by it either.
    _hangup: Signal,
    upgrade: Signal,
}

impl Signals {
    fn new() -> std::io::Result<Self> {
        Ok(Signals {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            quit: signal(SignalKind::quit())?,
            _hangup: signal(SignalKind::hangup())?,
            upgrade: signal(SignalKind::user_defined2())?,
        })
    }

    /// Waits for the second SIGINT, during an end that the other began: it ends the process at once. SIGTERM
    /// does not, as in CoreDNS.
    async fn force(&mut self, began: End) {
        let first = match began {
            End::Interrupt => tokio::select! {
                _ = self.terminate.recv() => Some(End::Terminate),
                _ = self.interrupt.recv() => None,
            },
            End::Terminate => {
                self.interrupt.recv().await;
                Some(End::Interrupt)
            }
        };
        if let Some(first) = first {
            first.say();
            self.interrupt.recv().await;
        }
    }

    /// The next one that asks for an orderly end.
    async fn end(&mut self, options: &ServeOptions) -> End {
        loop {
            tokio::select! {
                _ = self.terminate.recv() => return End::Terminate,
                _ = self.interrupt.recv() => return End::Interrupt,
                _ = self.quit.recv() => {
                    tracing::info!("SIGQUIT: Quitting process immediately");
                    options.pid_file.as_deref().inspect(|path| pid_file::remove(path));
                    std::process::exit(0);
                }
                _ = self.upgrade.recv() => {
                    tracing::error!("SIGUSR2: a running process cannot be upgraded: start another one");
                }
            }
        }
    }
}

fn load(options: &ServeOptions) -> Result<Corefile, Diagnostic> {
    let parse = ParseOptions { default_port: options.port, ..ParseOptions::default() };
    read(&options.conf, &parse)
}

fn read(conf: &Path, parse: &ParseOptions<'_>) -> Result<Corefile, Diagnostic> {
    if conf != Path::new(STDIN) {
        return corefile::load(conf, parse);
    }
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text).map_err(|error| {
        let problem = format!("standard input cannot be read: {error}");
        Diagnostic::new(Position::new(conf.into(), 0), problem, "write the Corefile to it")
    })?;
    corefile::parse(conf, &text, parse)
}
