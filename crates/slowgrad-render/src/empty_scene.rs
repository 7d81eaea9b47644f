//! An empty scene, which the tests of this crate fill in.

use slowgrad_timeline::scene::{Bounds, Formula, Math, Scene};

pub(crate) fn empty_scene() -> Scene {
    Scene {
        bounds: Bounds { min: [0.0, 0.0], max: [100.0, 100.0] },
        edges: Vec::new(),
        matrices: Vec::new(),
        discs: Vec::new(),
        maps: None,
        pulses: Vec::new(),
        labels: Vec::new(),
        formula: Formula {
            title: String::new(),
            question: String::new(),
            symbols: Math::text(""),
            numbers: Math::text(""),
            result: Math::text(""),
            sentence: String::new(),
            notes: Vec::new(),
            why: Vec::new(),
        },
        script: None,
        comparisons: Vec::new(),
        status: String::new(),
        caption: String::new(),
    }
}
