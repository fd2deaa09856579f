//! Who passes a door as the provider and the administrators go about their work.

#[cfg(test)]
mod decisions;
