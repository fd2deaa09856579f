//! `keyfob probe`: tries a SCIM server.

mod transport;

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use clap::ValueEnum;
use keyfob_client::{Client, Ureq};
use keyfob_interop::probe::{Baseline, Finding, Level, Probe, Report, Severity};

use self::transport::Threaded;
use crate::{Answer, Unusable, client, input, output, serve::stop::StopSignals, simulate::host};

/// The environment variable of the second token.
const OTHER_TOKEN: &str = "KEYFOB_OTHER_TOKEN";

/// The arguments of `keyfob probe`.
#[derive(Debug, clap::Args)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "options that have nothing to do with each other"
)]
#[command(after_help = "\
The token is read from --token-file, or from the environment variable KEYFOB_TARGET_TOKEN; that of a second tenant from
--other-token-file, or from KEYFOB_OTHER_TOKEN. They stand in no report.

What the run creates is named after the run and removed at the end, also after Ctrl-C; a second Ctrl-C ends it at once. A server
that is neither this machine nor in a private network needs --yes, unless --read-only is given.

SEVERITY is, the worst first, security, data-loss, must, should, interop or note. TAG is an area of checks such as patch or
filter, an identity provider such as entra, or the id of a check.

Exit codes: 0 nothing found, 1 something of the severity of --fail-on or a worse one, or the run was ended, 2 unusable arguments,
or no SCIM server that takes the token.")]
pub(crate) struct Arguments {
    /// The base URL, to which `/Users` is appended
    url: String,
    /// A file that holds the bearer token; `-` is standard input
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// A file that holds the bearer token of another tenant, to see that tenants are kept apart
    #[arg(long, value_name = "FILE")]
    other_token_file: Option<PathBuf>,
    /// The depth of the run
    #[arg(long, value_enum, default_value_t = NamedLevel::Rfc)]
    level: NamedLevel,
    /// Carries out these checks alone; may be given several times
    #[arg(long, value_name = "TAG")]
    only: Vec<String>,
    /// Leaves these checks out; may be given several times
    #[arg(long, value_name = "TAG")]
    skip: Vec<String>,
    /// Sends nothing that would change the server
    #[arg(long)]
    read_only: bool,
    /// Exits with 1 for a finding of this severity or a worse one
    #[arg(long, value_name = "SEVERITY", default_value = "must")]
    fail_on: Severity,
    /// Shows and counts only what an earlier report, which `--json` printed, does not have
    #[arg(long, value_name = "FILE")]
    baseline: Option<PathBuf>,
    /// Writes what was learnt of the server's capabilities to a file, for `--preset` of client and provision
    #[arg(long, value_name = "FILE")]
    capabilities: Option<PathBuf>,
    /// Writes the report as XML of `JUnit` to a file
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
    /// Writes the report as one HTML page to a file
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// Prints the report as JSON
    #[arg(long)]
    json: bool,
    /// Gives up on a request after so many seconds, 3600 at most
    #[arg(long, value_name = "SECONDS", default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=3_600))]
    timeout: u64,
    /// Allows http to other machines than this one
    #[arg(long)]
    allow_plain_text: bool,
    /// Allows to create and change resources at a server that is neither this machine nor in a private network
    #[arg(long)]
    yes: bool,
}

/// The levels by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum NamedLevel {
    /// The needs of every client
    Basic,
    /// All of the RFCs, and what identity providers need beyond them
    Rfc,
    /// Hostile and huge requests as well
    Robust,
}

/// Runs the command.
pub(crate) fn run(arguments: &Arguments) -> Result<Answer, Unusable> {
    input::one_standard_input(
        ["--token-file", "--other-token-file", "--baseline"],
        [
            arguments.token_file.as_ref(),
            arguments.other_token_file.as_ref(),
            arguments.baseline.as_ref(),
        ],
    )?;
    let probe = prepared(arguments)?;
    let baseline = arguments.baseline.as_deref().map(read_baseline).transpose()?;
    if !arguments.read_only && !arguments.yes {
        host::check(&arguments.url)?;
    }
    let report = probed(probe)?;
    written(arguments, &report)?;
    if arguments.json {
        output::json(report.to_json())?;
    } else {
        output::lines(&report.to_text(baseline.as_ref()))?;
    }
    if report.stopped {
        output::report("keyfob: the run was ended before all checks were carried out");
    }
    let fails = |finding: &Finding| finding.severity <= arguments.fail_on;
    let failed = match &baseline {
        Some(baseline) => report.changes(baseline).new.into_iter().any(fails),
        None => report.at_least(arguments.fail_on).next().is_some(),
    };
    Ok(if failed || report.stopped {
        Answer::Negative
    } else {
        Answer::Done
    })
}

/// Returns the run that the arguments describe.
fn prepared(arguments: &Arguments) -> Result<Probe, Unusable> {
    // The same rule as of the client: no token goes over the network in the clear unless that is allowed.
    if !arguments.allow_plain_text {
        Client::builder(&arguments.url)?.build()?;
    }
    let level = match arguments.level {
        NamedLevel::Basic => Level::Basic,
        NamedLevel::Rfc => Level::Rfc,
        NamedLevel::Robust => Level::Robust,
    };
    let mut probe = Probe::new(&arguments.url)?
        .level(level)
        .timeout(Duration::from_secs(arguments.timeout));
    if let Some(token) = client::token(arguments.token_file.as_deref())? {
        probe = probe.bearer(&token);
    }
    if let Some(token) = client::token_of(arguments.other_token_file.as_deref(), OTHER_TOKEN)? {
        probe = probe.other_bearer(&token);
    }
    if arguments.read_only {
        probe = probe.read_only();
    }
    for tag in &arguments.only {
        probe = probe.only(tag)?;
    }
    for tag in &arguments.skip {
        probe = probe.without(tag)?;
    }
    Ok(probe)
}

fn read_baseline(file: &Path) -> Result<Baseline, Unusable> {
    Baseline::from_json(&input::read(file)?).map_err(|error| Unusable::from(error).within(file))
}

/// Carries out the checks. The first signal ends them and removes what they created, the second one ends the process.
fn probed(probe: Probe) -> Result<Report, Unusable> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let stop = probe.stop();
        let mut signals = StopSignals::catch()?;
        let waiting = tokio::spawn(async move {
            signals.received().await;
            output::report("keyfob: ending; what was created is removed");
            stop.now();
            signals.received().await;
            std::process::exit(130);
        });
        let report = probe.run(&Threaded::new(Ureq::new())).await;
        waiting.abort();
        Ok(report?)
    })
}

/// Writes the files that are asked for.
fn written(arguments: &Arguments, report: &Report) -> Result<(), Unusable> {
    let files = [
        (
            &arguments.capabilities,
            Report::capabilities as fn(&Report) -> String,
        ),
        (&arguments.html, Report::to_html),
    ];
    for (file, text) in files {
        if let Some(file) = file {
            write(file, &text(report))?;
        }
    }
    if let Some(file) = &arguments.junit {
        write(file, &report.to_junit(arguments.fail_on))?;
    }
    Ok(())
}

fn write(file: &Path, text: &str) -> Result<(), Unusable> {
    fs::write(file, text).map_err(|error| Unusable::from(error).within(file))
}
