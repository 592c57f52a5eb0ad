//! Cases about ticks and who is told of them.

use std::sync::{Mutex, PoisonError};

use super::{
    Arc, Batch, Bytes, Case, Engine, Key, StoreError, Tick, Write, changing, commit, key, put,
    refusal, thread, value, wait, writing,
};

pub(super) const CASES: &[Case] = &[
    ("only changes take a tick, and ticks leave no gap", ticks_leave_no_gap),
    ("the tick is written where the batch wants it", the_tick_is_placed),
    ("a tick beyond the value is refused", a_tick_beyond_the_value_is_refused),
    ("the applier hears of a commit before its answer", the_applier_is_told_first),
    ("waiting ends when the tick moves", waiting_ends_when_the_tick_moves),
];

fn ticks_leave_no_gap(engine: &Arc<dyn Engine>) {
    let start = engine.tick();
    let mut expected = start;
    assert_eq!(commit(engine, writing(vec![put(&key("a"), "x")])).tick, start);
    for _ in 0..5 {
        expected = expected.next();
        assert_eq!(commit(engine, changing(&[&key("a"), &key("b")])).tick, expected);
        assert_eq!(engine.tick(), expected);
        let quiet = commit(engine, writing(vec![put(&key("a"), "x")]));
        assert_eq!(quiet.tick, expected);
    }
}

fn the_tick_is_placed(engine: &Arc<dyn Engine>) {
    let placed = |name: &str, at| Write::Put {
        key: key(name),
        value: Bytes::from_static(b"..........."),
        tick_at: Some(at),
    };
    let batch = Batch { writes: vec![placed("a", 2), placed("b", 3)], ..changing(&[&key("a")]) };
    let done = commit(engine, batch);
    let bytes = done.tick.number().to_be_bytes();
    assert_eq!(value(engine, &key("a")).unwrap(), [b"..", bytes.as_slice(), b"."].concat());
    assert_eq!(value(engine, &key("b")).unwrap(), [b"...", bytes.as_slice()].concat());
    commit(engine, writing(vec![placed("c", 0)]));
    assert_eq!(value(engine, &key("c")).unwrap(), [bytes.as_slice(), b"..."].concat());
}

fn a_tick_beyond_the_value_is_refused(engine: &Arc<dyn Engine>) {
    for at in [4, usize::MAX] {
        let batch = writing(vec![Write::Put {
            key: key("a"),
            value: Bytes::from_static(b"..........."),
            tick_at: Some(at),
        }]);
        assert!(matches!(refusal(engine, batch), StoreError::Refused(_)));
    }
}

fn the_applier_is_told_first(engine: &Arc<dyn Engine>) {
    let heard = Arc::new(Mutex::new(Vec::<(Tick, Vec<Key>)>::new()));
    let ear = Arc::clone(&heard);
    engine.on_change(Arc::new(move |tick, keys| {
        ear.lock().unwrap_or_else(PoisonError::into_inner).push((tick, keys.to_vec()));
    }));
    commit(engine, writing(vec![put(&key("a"), "x")]));
    assert!(heard.lock().unwrap().is_empty());
    thread::scope(|scope| {
        for n in 0..8u8 {
            let heard = &heard;
            scope.spawn(move || {
                for _ in 0..20 {
                    let done = commit(engine, changing(&[&key([n])]));
                    let heard = heard.lock().unwrap();
                    assert!(heard.contains(&(done.tick, vec![key([n])])));
                    assert!(engine.tick() >= done.tick);
                }
            });
        }
    });
    let heard = heard.lock().unwrap();
    assert_eq!(heard.len(), 160);
    assert!(heard.windows(2).all(|pair| pair[0].0.next() == pair[1].0), "in order, without a gap");
}

fn waiting_ends_when_the_tick_moves(engine: &Arc<dyn Engine>) {
    let start = engine.tick();
    commit(engine, changing(&[&key("a")]));
    wait(engine.wait_for_change(start)).unwrap();
    let seen = engine.tick();
    thread::scope(|scope| {
        scope.spawn(|| {
            // An early return is a hint only; so wait until the tick shows it.
            while engine.tick() == seen {
                wait(engine.wait_for_change(seen)).unwrap();
            }
        });
        commit(engine, changing(&[&key("b")]));
    });
}
