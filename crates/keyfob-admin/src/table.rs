//! The operations, each once.

mod access;
mod link;
mod organization;
mod person;
mod webhook;

use crate::{
    act::Action,
    administrator::Permission,
    operation::{Method, Operation, Parameter, Returns, Risk},
};

/// The number of operations.
const LENGTH: usize = organization::ROWS.len()
    + link::ROWS.len()
    + person::ROWS.len()
    + access::ROWS.len()
    + webhook::ROWS.len();

/// Everything that an administrator can do.
///
/// ```
/// use keyfob_admin::{OPERATIONS, Risk};
///
/// let unlink = OPERATIONS.iter().find(|operation| operation.name == "unlink");
/// assert_eq!(unlink.map(|unlink| unlink.risk), Some(Risk::Confirmed));
/// ```
pub static OPERATIONS: [Operation; LENGTH] = {
    let parts: [&[Operation]; 5] = [
        organization::ROWS,
        link::ROWS,
        person::ROWS,
        access::ROWS,
        webhook::ROWS,
    ];
    joined(parts)
};

/// Puts the parts of the table together when it is compiled.
#[expect(
    clippy::indexing_slicing,
    reason = "evaluated when it is compiled: a wrong index doesn't compile"
)]
const fn joined(parts: [&[Operation]; 5]) -> [Operation; LENGTH] {
    let mut rows = [organization::ROWS[0]; LENGTH];
    let (mut filled, mut part) = (0, 0);
    while part < parts.len() {
        let mut row = 0;
        while row < parts[part].len() {
            rows[filled] = parts[part][row];
            filled += 1;
            row += 1;
        }
        part += 1;
    }
    rows
}

/// Returns the operation of a name.
#[must_use]
pub fn operation(name: &str) -> Option<&'static Operation> {
    OPERATIONS.iter().find(|operation| operation.name == name)
}

/// The address of an operation: method, path and verb.
type Address = (Method, &'static str, &'static str);

/// Returns a row of an operation that reads.
const fn read(
    action: Action,
    (name, about): (&'static str, &'static str),
    permission: Permission,
    (method, path, verb): Address,
    parameters: &'static [Parameter],
    returns: Returns,
) -> Operation {
    Operation {
        name,
        about,
        permission,
        risk: Risk::Read,
        method,
        path,
        verb,
        alias: None,
        parameters,
        returns,
        action,
    }
}

impl Operation {
    /// Returns the row with an operation that takes it back.
    const fn undone_by(self, inverse: &'static str) -> Self {
        Self {
            risk: Risk::Reversible { inverse },
            ..self
        }
    }

    /// Returns the row with a preview that has to be confirmed.
    const fn confirmed(self) -> Self {
        Self {
            risk: Risk::Confirmed,
            ..self
        }
    }

    /// Returns the row with an operation that changes nothing.
    const fn harmless(self) -> Self {
        Self {
            risk: Risk::Harmless,
            ..self
        }
    }

    const fn or(self, alias: &'static str) -> Self {
        Self {
            alias: Some(alias),
            ..self
        }
    }
}
