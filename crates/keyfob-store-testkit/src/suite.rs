//! The list of cases: the one place where a case is added, for every store at once.

use crate::{
    failure::{Failure, Verdict},
    harness::Harness,
    tenancy::Tenancy,
};

/// One case of the suite: a sentence of the contract, and how it is tried.
#[derive(Debug)]
pub struct Case<H> {
    name: &'static str,
    run: fn(&H) -> Verdict,
}

impl<H: Harness> Case<H> {
    /// The sentence, as an identifier.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Tries it on a store that the harness opens.
    ///
    /// # Errors
    /// [`Failure`] says how the store departs from the contract.
    pub fn run(&self, harness: &H) -> Result<(), Failure> {
        (self.run)(harness).map_err(|failure| failure.in_case(self.name))
    }
}

/// Tries the case with this name on a store of a harness of its own, as the tests of
/// [`store_conformance!`](crate::store_conformance) do.
///
/// # Errors
/// [`Failure`] says how the store departs from the contract, or that there is no such case.
pub fn run<H: Harness + Default>(name: &str) -> Result<(), Failure> {
    match cases::<H>().iter().find(|case| case.name == name) {
        Some(case) => case.run(&H::default()),
        None => Err(Failure::new(format!("the suite has no case `{name}`"))),
    }
}

/// How the function of a case is called: with a tenant of an open store, or with the harness.
macro_rules! adapt {
    (store $case:path) => {
        |harness| {
            harness.run(async {
                let store = harness.open().await?;
                $case(&Tenancy::new(&store, "acme")).await
            })
        }
    };
    (harness $case:path) => {
        $case
    };
}

macro_rules! suite {
    ($dollar:tt $($kind:ident $module:ident { $($name:ident,)* })*) => {
        /// All cases, for whoever runs them in a way of their own.
        #[must_use]
        pub fn cases<H: Harness>() -> Vec<Case<H>> {
            vec![$($(Case { name: stringify!($name), run: adapt!($kind crate::cases::$module::$name) },)*)*]
        }

        /// Expands to one `#[test]` for each case of the suite, all on the stores that this [`Harness`] opens. The
        /// harness is made by [`Default`], once for each case.
        ///
        /// The tests are named by their cases; put the macro into a module where a file tries several stores.
        #[macro_export]
        macro_rules! store_conformance {
            ($dollar harness:ty) => {
                $($(
                    #[test]
                    fn $name() -> ::std::result::Result<(), $crate::Failure> {
                        $crate::run::<$dollar harness>(::std::stringify!($name))
                    }
                )*)*
            };
        }
    };
}

suite! { $
    store documents {
        a_document_is_given_back_equal,
    }
}
