//! Prints an organization as NDJSON, for `keyfob import`: `organization USERS [SEED]`.

use std::{
    env,
    io::{self, BufWriter, Write as _},
};

use keyfob_benches::Failed;
use keyfob_testgen::Organization;

fn main() -> Result<(), Failed> {
    let mut arguments = env::args().skip(1);
    let users = arguments.next().ok_or("say how many users there are")?.parse()?;
    let seed = arguments.next().map_or(Ok(7), |seed| seed.parse())?;
    let organization = Organization::new(seed, users);
    #[expect(
        clippy::disallowed_methods,
        reason = "what is printed is made here, and is data"
    )]
    let mut out = BufWriter::new(io::stdout().lock());
    for resource in organization.users().chain(organization.groups()) {
        serde_json::to_writer(&mut out, &resource)?;
        out.write_all(b"\n")?;
    }
    Ok(out.flush()?)
}
