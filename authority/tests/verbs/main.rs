//! What is promised of the verbs, on the memory engine under a clock that is set.

/// What an engine that stands in front of another one passes on as it is.
#[cfg(test)]
macro_rules! passed_on {
    ($inner:ident) => {
        fn tick(&self) -> jeton_domain::id::Tick {
            self.$inner.tick()
        }

        fn wait_for_change(
            &self,
            seen: jeton_domain::id::Tick,
        ) -> jeton_store::engine::Pending<'_, ()> {
            self.$inner.wait_for_change(seen)
        }

        fn on_change(&self, applier: jeton_store::engine::Applier) {
            self.$inner.on_change(applier);
        }

        fn hours(&self) -> jeton_store::engine::Pending<'_, Vec<jeton_domain::time::Hour>> {
            self.$inner.hours()
        }

        fn health(&self) -> jeton_store::engine::EngineHealth {
            self.$inner.health()
        }

        fn close(&self) -> jeton_store::engine::Pending<'_, ()> {
            self.$inner.close()
        }
    };
}

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
