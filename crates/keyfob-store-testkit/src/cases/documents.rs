//! Documents are kept as they are given.

use keyfob_engine::Store;

use crate::{failure::Verdict, fixture::User, step::Step, tenancy::Tenancy};

pub(crate) async fn a_document_is_given_back_equal(acme: &Tenancy<'_, impl Store>) -> Verdict {
    acme.apply(&[Step::create(User, "u1")]).await?;
    Ok(())
}
