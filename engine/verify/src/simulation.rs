//! One store through several lives: opened, looked at, used, and ended in some way.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use roundhouse_base::{Pos, Random};
use roundhouse_runtime::sim::{Outcome, ProcessId, RunLimits, World};

use crate::checks::{Check, check};
use crate::image::Image;
use crate::life::{Ending, Life, Phase};
use crate::oracle::Oracle;
use crate::panics;
use crate::report::Report;
use crate::scenario::Scenario;
use crate::scene::Scene;
use crate::workload::Plan;

/// A simulated machine with one store, and its judge.
pub(crate) struct Simulation {
    pub(crate) scene: Scene,
    pub(crate) plan: Rc<Plan>,
    pub(crate) oracle: Rc<RefCell<Oracle>>,
    pub(crate) random: Random,
}

impl Simulation {
    /// A machine with an empty disk.
    pub(crate) fn new(seed: u64, scenario: Scenario) -> Simulation {
        let mut random = Random::new(seed);
        let plan = Plan::draw(scenario, &mut random);
        let world = World::new(random.next_u64(), plan.world(&mut random));
        let scene = Scene::in_world(world);
        Simulation { scene, plan: Rc::new(plan), oracle: Rc::default(), random }
    }

    /// Does what the scenario is about, and adds to `report` what came of it.
    pub(crate) fn run(&mut self, report: &mut Report) {
        match self.plan.scenario {
            Scenario::Recovery => self.crash_while_recovering(report),
            Scenario::Damage => self.damage(report),
            _ => self.live_all(report),
        }
        report.faults += &self.scene.cluster.world().fault_counts();
    }

    /// Lives all lives. The last one only looks and closes.
    fn live_all(&mut self, report: &mut Report) {
        let mut was_cut = false;
        for life in 0..=self.plan.lives {
            let is_last = life == self.plan.lives;
            let ending = if is_last { Ending::Close } else { self.draw_ending() };
            let is_opened_in_trouble = !is_last && self.random.chance(0.2);
            let reached = self.live(ending, is_opened_in_trouble);
            let was_judged = reached != Phase::Opening;
            report.cycles += u64::from(was_cut && was_judged);
            report.refusals += u64::from(reached == Phase::FoundOut);
            if reached == Phase::FoundOut {
                return;
            }
            was_cut = ending != Ending::Close || (was_cut && !was_judged);
        }
    }

    pub(crate) fn draw_ending(&mut self) -> Ending {
        let magnitude = self.random.below(13);
        let steps = 1 + self.random.below(1 << magnitude);
        match self.random.below(10) {
            0..6 => Ending::Crash(steps),
            6..8 => Ending::Kill(steps),
            _ => Ending::Close,
        }
    }

    /// Lives one life and says how far it came.
    pub(crate) fn live(&mut self, ending: Ending, is_opened_in_trouble: bool) -> Phase {
        self.clean_quarantine();
        let phase = Rc::new(Cell::new(Phase::Opening));
        let life = Life {
            node: self.scene.node.clone(),
            plan: self.plan.clone(),
            oracle: self.oracle.clone(),
            random: RefCell::new(self.random.split()),
            phase: phase.clone(),
            ending,
            is_opened_in_trouble,
            proven: if is_opened_in_trouble { Pos(0) } else { self.proven() },
        };
        let process = self.scene.start(|shard| life.run(shard));
        let is_over = || matches!(phase.get(), Phase::Done | Phase::FoundOut) || panics::any();
        let steps_max = match ending {
            Ending::Crash(steps) | Ending::Kill(steps) => steps,
            Ending::Close => RunLimits::default().steps_max,
        };
        let limits = RunLimits { steps_max, ..RunLimits::default() };
        let outcome = self.scene.cluster.run_until(limits, is_over);
        panics::unwind_if_any();
        let is_cut_short = ending != Ending::Close && outcome == Outcome::StepsExhausted;
        check(Check::Progress, outcome == Outcome::Reached || is_cut_short, || {
            format!("{ending:?} in {:?}: {outcome}", phase.get())
        });
        self.end(process, ending, phase.get() != Phase::Opening);
        phase.get()
    }

    fn end(&mut self, process: ProcessId, ending: Ending, was_working: bool) {
        let now = self.scene.cluster.world().now();
        let power_fails = matches!(ending, Ending::Crash(_));
        self.oracle.borrow_mut().process_ended(now, power_fails, was_working);
        if power_fails {
            self.scene.cluster.crash(&self.scene.node);
        } else {
            self.scene.cluster.kill(process);
        }
        panics::unwind_if_any();
        check(Check::NoPanic, true, String::new);
    }

    /// What a disk that may lie proves to be durable to whoever reads it. While it lies to the
    /// opening itself, it may lose even that.
    fn proven(&self) -> Pos {
        match self.plan.scenario {
            Scenario::Lying => Image::take_visible(&self.scene.node).proven_upto(),
            _ => Pos(0),
        }
    }

    /// What an operator of a small disk does: copies in quarantine go elsewhere.
    fn clean_quarantine(&self) {
        for path in self.scene.node.files() {
            if path.components().any(|part| part.as_os_str() == "quarantine") {
                self.scene.node.remove_file(path);
            }
        }
    }
}
