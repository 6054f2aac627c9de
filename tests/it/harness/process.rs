//! Programs started by a test: their output goes to a file, and they end with the test.
//!
//! Dropping a [`Process`] kills it. A static is never dropped and Ctrl-C drops nothing, so the
//! kernel also kills each when its parent is gone (`setpriv --pdeathsig`). For the kernel the parent
//! is the thread that forked, not the process: all are started by one thread that never ends.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{LazyLock, Mutex, mpsc};
use std::thread;

use rustix::process::{Pid, Signal, kill_process};

use super::eventually::{LONG, Outcome, eventually};
use super::{parts, scratch};

type Started = mpsc::Sender<io::Result<Child>>;

static STARTER: LazyLock<mpsc::Sender<(Command, Started)>> = LazyLock::new(|| {
    let (sender, jobs) = mpsc::channel::<(Command, Started)>();
    let start = move || {
        for (mut command, reply) in jobs {
            let _ = reply.send(command.spawn());
        }
    };
    let builder = thread::Builder::new().name("process starter".into());
    builder.spawn(start).expect("start a thread");
    sender
});

/// Logs of processes that outlive the test that started them.
static SHARED: Mutex<Vec<(String, PathBuf)>> = Mutex::new(Vec::new());

/// A running program; killed when dropped, and its log shown if the test is failing.
#[derive(Debug)]
pub struct Process {
    name: String,
    child: Child,
    log: PathBuf,
}

impl Process {
    /// Starts `command`, with its output in a file named after `name`.
    pub fn start(name: &str, command: &Command) -> Self {
        let log = scratch::folder(name).join("log");
        let file = File::create(&log).expect("create a log");
        let mut command = prefixed(["setpriv", "--pdeathsig", "KILL", "--"], command);
        command.stdin(Stdio::null()).stdout(file.try_clone().expect("share the log")).stderr(file);
        let (sender, child) = mpsc::channel();
        STARTER.send((command, sender)).expect("the process starter");
        let child = child.recv().expect("the process starter");
        let child = child.unwrap_or_else(|e| panic!("cannot start {name}: {e}"));
        Self { name: name.into(), child, log }
    }

    /// Keeps the log for tests that did not start this process: [`eventually`] shows it.
    pub fn share(&self) {
        SHARED.lock().expect("the shared logs").push((self.name.clone(), self.log.clone()));
    }

    /// The id of the program itself, not of a wrapper.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// All that it has written so far.
    pub fn logs(&self) -> String {
        String::from_utf8_lossy(&fs::read(&self.log).unwrap_or_default()).into_owned()
    }

    /// The file that it writes to.
    pub fn log(&self) -> &Path {
        &self.log
    }

    /// How it ended, if it has.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().expect("wait for a process")
    }

    /// Waits until `probe` comes true, or until the program ends because another process took its
    /// port: then `false`, and another start may work. Any other end fails the test.
    pub async fn is_up<O: Outcome>(&mut self, mut probe: impl AsyncFnMut() -> O) -> bool {
        let what = format!("{} to be up", self.name);
        let end = eventually(&what, LONG, async || match self.ended() {
            Some(status) => Ok(Some(status)),
            None => probe().await.outcome().map(|_| None),
        });
        let Some(status) = end.await else { return true };
        let clash = self.logs().to_lowercase().contains("address already in use");
        assert!(clash, "{} ended at its start: {status}", self.name);
        false
    }

    /// Freezes it (SIGSTOP): connections stay open and nothing is answered.
    pub fn stop(&self) {
        self.signal(Signal::STOP);
    }

    /// Lets a frozen process go on (SIGCONT).
    pub fn cont(&self) {
        self.signal(Signal::CONT);
    }

    /// Ends it at once (SIGKILL) and waits until it is gone.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Asks it to end (SIGTERM) and waits for that.
    pub async fn terminate(&mut self) -> ExitStatus {
        self.signal(Signal::TERM);
        self.wait().await
    }

    /// Waits until it ends by itself.
    pub async fn wait(&mut self) -> ExitStatus {
        let what = format!("the end of {}", self.name);
        eventually(&what, LONG, async || self.ended()).await
    }

    /// Sends any signal.
    pub fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        kill_process(pid.expect("a process id"), signal).expect("send a signal");
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
        if thread::panicking() {
            eprintln!("{}", tail(&self.name, &self.log));
        }
    }
}

/// The last lines of the logs of all shared processes.
pub fn shared_tails() -> String {
    let shared = SHARED.lock().expect("the shared logs");
    shared.iter().map(|(name, log)| tail(name, log)).collect()
}

/// `command` run by the words of `prefix`, the first of which is a command of the system.
pub fn prefixed<S: AsRef<str>>(prefix: impl AsRef<[S]>, command: &Command) -> Command {
    let (program, args) = prefix.as_ref().split_first().expect("a command");
    let mut outer = Command::new(parts::system(program.as_ref()));
    outer.args(args.iter().map(AsRef::as_ref)).arg(command.get_program()).args(command.get_args());
    for (key, value) in command.get_envs() {
        match value {
            Some(value) => outer.env(key, value),
            None => outer.env_remove(key),
        };
    }
    if let Some(folder) = command.get_current_dir() {
        outer.current_dir(folder);
    }
    outer
}

/// A command of `program` with `args`.
pub fn command<A: AsRef<OsStr>>(
    program: impl AsRef<Path>,
    args: impl IntoIterator<Item = A>,
) -> Command {
    let mut command = Command::new(program.as_ref());
    command.args(args);
    command
}

fn tail(name: &str, log: &Path) -> String {
    const LINES: usize = 40;
    const WIDTH: usize = 300;
    let text = String::from_utf8_lossy(&fs::read(log).unwrap_or_default()).into_owned();
    let lines: Vec<&str> = text.lines().collect();
    let mut tail = format!("--- the end of the log of {name}, {}\n", log.display());
    for line in &lines[lines.len().saturating_sub(LINES)..] {
        tail.extend(line.chars().take(WIDTH).chain(['\n']));
    }
    tail
}
