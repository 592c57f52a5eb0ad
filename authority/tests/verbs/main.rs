//! What is promised of the verbs, on the memory engine under a clock that is set.

#[cfg(test)]
mod coherence;
#[cfg(test)]
mod concurrent;
#[cfg(test)]
mod following;
#[cfg(test)]
mod grant_sizes;
#[cfg(test)]
mod queries;
#[cfg(test)]
mod role_mappings;
#[cfg(test)]
mod tokens;
#[cfg(test)]
mod world;
