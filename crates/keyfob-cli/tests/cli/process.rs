//! Processes of the command, none of which outlives its test.

use std::{
    io::{BufRead, BufReader, Read, Write},
    process::{Child, Command, ExitStatus, Stdio},
    sync::{
        Arc, Mutex,
        mpsc::{self, Receiver, RecvTimeoutError},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use crate::client::Client;

/// No step of a process takes longer.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// The command with these arguments, and without what the environment of the tests may say.
pub(crate) fn keyfob(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_keyfob"));
    command
        .args(arguments)
        .env_remove("KEYFOB_ADMIN_TOKEN")
        .env_remove("KEYFOB_BOOTSTRAP_TOKEN")
        .env_remove("KEYFOB_LOG")
        .env_remove("PGPASSWORD");
    command
}

/// What a process that came to its end left behind.
#[derive(Debug)]
pub(crate) struct Finished {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Finished {
    /// Checks that what was asked for can't be done, and that programs are told nothing.
    #[track_caller]
    pub(crate) fn assert_unusable(&self, message: &str) {
        assert_eq!((self.code, self.stdout.as_str()), (Some(2), ""), "{self:?}");
        assert!(self.stderr.contains(message), "`{message}` is not said: {self:?}");
    }
}

/// Runs the command to its end.
pub(crate) fn run(arguments: &[&str], stdin: &str) -> Finished {
    finish(&mut keyfob(arguments), stdin)
}

/// Runs a command to its end.
pub(crate) fn finish(command: &mut Command, stdin: &str) -> Finished {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let stdout = drain(child.stdout.take().unwrap());
    let stderr = drain(child.stderr.take().unwrap());
    // A command that needs no input may be gone before it is written.
    child.stdin.take().unwrap().write_all(stdin.as_bytes()).ok();
    let status = wait(&mut child);
    Finished {
        code: status.code(),
        stdout: stdout.join().unwrap(),
        stderr: stderr.join().unwrap(),
    }
}

fn drain(mut pipe: impl Read + Send + 'static) -> JoinHandle<String> {
    thread::spawn(move || {
        let mut text = String::new();
        pipe.read_to_string(&mut text).unwrap();
        text
    })
}

fn wait(child: &mut Child) -> ExitStatus {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status;
        }
        if Instant::now() > deadline {
            child.kill().unwrap();
            panic!("the process does not come to its end");
        }
        thread::sleep(Duration::from_millis(5));
    }
}

/// A running `keyfob serve`.
pub(crate) struct Server {
    child: Child,
    lines: Receiver<String>,
    stderr: Arc<Mutex<String>>,
    /// Reads standard error until the server has ended.
    reader: Option<JoinHandle<()>>,
    /// `http://127.0.0.1:PORT`
    pub(crate) origin: String,
    /// Where SCIM is served.
    pub(crate) base: String,
    /// The token, if it was shown.
    pub(crate) token: Option<String>,
    /// The profiles of the organizations.
    pub(crate) profile: String,
    /// The URL of the store.
    pub(crate) store: String,
}

/// How a server ended.
#[derive(Debug)]
pub(crate) struct Stopped {
    pub(crate) code: Option<i32>,
    /// Lines on standard output that nobody had read.
    pub(crate) lines: Vec<String>,
    pub(crate) stderr: String,
}

impl Server {
    /// Starts a server on a free port.
    pub(crate) fn start(arguments: &[&str]) -> Self {
        Self::spawn(&mut keyfob(
            &[&["serve", "--listen", "127.0.0.1:0"], arguments].concat(),
        ))
    }

    /// Starts a server and reads the lines that it prints.
    pub(crate) fn spawn(command: &mut Command) -> Self {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let (sender, lines) = mpsc::channel();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        thread::spawn(move || {
            stdout
                .lines()
                .map_while(Result::ok)
                .try_for_each(|line| sender.send(line))
        });
        let stderr = Arc::new(Mutex::new(String::new()));
        let (read, pipe) = (Arc::clone(&stderr), BufReader::new(child.stderr.take().unwrap()));
        let reader = thread::spawn(move || {
            for line in pipe.lines().map_while(Result::ok) {
                let mut read = read.lock().unwrap();
                read.push_str(&line);
                read.push('\n');
            }
        });
        let mut server = Self {
            child,
            lines,
            stderr,
            reader: Some(reader),
            origin: String::new(),
            base: String::new(),
            token: None,
            profile: String::new(),
            store: String::new(),
        };
        server.origin = server.read("listening on ");
        server.base = server.read("SCIM base URL: ");
        let line = server.read("");
        match line.strip_prefix("bearer token (shown once): ") {
            Some(token) => {
                server.token = Some(token.to_owned());
                server.profile = server.read("profile: ");
            }
            None => server.profile = line.strip_prefix("profile: ").unwrap().to_owned(),
        }
        server.store = server.read("store: ");
        server
    }

    /// Starts a server on a store that holds nothing yet.
    pub(crate) fn start_fresh(arguments: &[&str]) -> (Self, Client) {
        let server = Self::start(arguments);
        let client = server.client(&server.read_token());
        (server, client)
    }

    /// The token that was shown.
    pub(crate) fn read_token(&self) -> String {
        self.token.clone().expect("a token is shown")
    }

    /// Reads a line of standard output and returns what follows its beginning.
    pub(crate) fn read(&self, beginning: &str) -> String {
        match self.lines.recv_timeout(PATIENCE) {
            Ok(line) => match line.strip_prefix(beginning) {
                Some(rest) => rest.to_owned(),
                None => panic!("a line begins with `{beginning}` and not `{line}`"),
            },
            Err(RecvTimeoutError::Timeout) => panic!("no line `{beginning}…` is printed"),
            Err(RecvTimeoutError::Disconnected) => {
                panic!("the server ended before it printed `{beginning}…`")
            }
        }
    }

    /// Waits until the server has written something to standard error.
    pub(crate) fn wait_for(&self, text: &str) {
        let end = Instant::now() + PATIENCE;
        while !self.stderr.lock().unwrap().contains(text) {
            assert!(Instant::now() < end, "`{text}` is not written");
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// A client with this token.
    pub(crate) fn client(&self, token: &str) -> Client {
        Client::new(&self.base, Some(token))
    }

    /// Sends a signal, such as `TERM`.
    pub(crate) fn signal(&self, name: &str) {
        let sent = Command::new("kill")
            .args(["-s", name, &self.child.id().to_string()])
            .status()
            .unwrap();
        assert!(sent.success());
    }

    /// Tells the server to stop and waits until it has.
    pub(crate) fn stop(self) -> Stopped {
        self.signal("TERM");
        self.join()
    }

    /// Ends the server at once, as a power failure would.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Waits for a server that was told to stop.
    pub(crate) fn join(mut self) -> Stopped {
        let code = wait(&mut self.child).code();
        self.reader.take().unwrap().join().unwrap();
        let stderr = std::mem::take(&mut *self.stderr.lock().unwrap());
        Stopped {
            code,
            lines: self.lines.iter().collect(),
            stderr,
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}
