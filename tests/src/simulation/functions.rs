//! The functions of both deployments: processes that are warm, and new ones.

use std::sync::Arc;

use penstock_ingest::Ingest;
use penstock_refine::Refine;
use penstock_runtime::Lake;

use super::action::Place;
use super::port::Port;
use super::setting::Deployment;

/// How many processes of each function there may be; even ones are of the first deployment, odd ones of the second.
pub(super) const PROCESSES: usize = 4;

#[derive(Default)]
pub(super) struct Functions {
    ingests: [Option<Process<Ingest>>; PROCESSES],
    refines: [Option<Process<Refine>>; PROCESSES],
    /// How many processes there were so far.
    pub(super) cold_starts: u64,
}

/// A process, with everything that its function remembers.
pub(super) struct Process<F> {
    pub(super) function: Arc<F>,
    /// Which it is, of all that there were.
    pub(super) number: u64,
}

impl<F> Clone for Process<F> {
    fn clone(&self) -> Self {
        Self { function: Arc::clone(&self.function), number: self.number }
    }
}

impl Functions {
    /// The ingest at a place: the warm one, or a new one if that is gone or `is_busy`. `port` is for a new process.
    pub(super) fn ingest(
        &mut self,
        place: Place,
        port: Arc<Port>,
        deployment: Deployment,
        is_busy: impl Fn(u64) -> bool,
    ) -> Process<Ingest> {
        let slot = &mut self.ingests[place.process];
        slot.take_if(|process| place.is_cold || is_busy(process.number));
        serve(slot, &mut self.cold_starts, || Ingest::new(lake(port), deployment.dataset, deployment.ingest))
    }

    /// The refine at a place, which may be called while it runs: a run waits then for the one before it.
    pub(super) fn refine(&mut self, place: Place, port: Arc<Port>, deployment: Deployment) -> Process<Refine> {
        let slot = &mut self.refines[place.process];
        slot.take_if(|_| place.is_cold);
        serve(slot, &mut self.cold_starts, || Refine::new(lake(port), deployment.dataset, deployment.cut))
    }

    /// A process dies with all that it remembers.
    pub(super) fn die(&mut self, number: u64) {
        self.ingests.iter_mut().for_each(|slot| drop(slot.take_if(|process| process.number == number)));
        self.refines.iter_mut().for_each(|slot| drop(slot.take_if(|process| process.number == number)));
    }
}

fn lake(port: Arc<Port>) -> Lake {
    Lake::over(Arc::clone(&port) as _, port)
}

fn serve<F>(slot: &mut Option<Process<F>>, started: &mut u64, make: impl FnOnce() -> F) -> Process<F> {
    let process = slot.get_or_insert_with(|| {
        *started += 1;
        Process { function: Arc::new(make()), number: *started }
    });
    process.clone()
}
