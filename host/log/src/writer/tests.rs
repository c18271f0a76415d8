use std::sync::mpsc::{Receiver, Sender, channel};

use super::*;

/// Each write waits for the test's word, and then succeeds or fails.
struct Gate {
    asked: Sender<Vec<u8>>,
    answer: Receiver<io::Result<usize>>,
}

impl Write for Gate {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // A test that has ended asks no more.
        self.asked.send(bytes.to_vec()).ok();
        self.answer.recv().unwrap_or(Ok(bytes.len())).map(|most| most.min(bytes.len()))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

struct Test {
    sink: Sink,
    asked: Receiver<Vec<u8>>,
    answer: Sender<io::Result<usize>>,
}

impl Test {
    fn with_room(most: usize) -> Self {
        let (asked, of_writer) = channel();
        let (answer, for_writer) = channel();
        let gate = Gate { asked, answer: for_writer };
        Self { sink: Sink::with_room(gate, most).unwrap(), asked: of_writer, answer }
    }

    fn log(&mut self, line: &str) {
        self.sink.write_all(line.as_bytes()).unwrap();
    }

    /// Returns the lines that the writer writes next.
    fn written(&self) -> String {
        String::from_utf8(self.asked.recv().unwrap()).unwrap()
    }

    fn answer(&self, answer: io::Result<usize>) {
        self.answer.send(answer).unwrap();
    }

    fn lost(&self) -> u64 {
        self.sink.0.lock().lost
    }
}

#[test]
fn lines_are_written_in_their_order_whole_or_in_pieces() {
    let mut test = Test::with_room(1 << 10);
    test.log("one\ntwo\n");
    assert_eq!(test.written(), "one\ntwo\n");
    test.log("three\n");
    test.answer(Ok(2));
    assert_eq!(test.written(), "e\ntwo\n");
    test.answer(Ok(100));
    assert_eq!(test.written(), "three\n");
    test.answer(Ok(100));
    test.sink.flush(Duration::from_mins(1));
    assert!(!test.sink.is_stuck());
}

#[test]
fn nobody_waits_for_a_reader_who_is_not_there() {
    let mut test = Test::with_room(20);
    test.log("taken\n");
    assert_eq!(test.written(), "taken\n");
    // The writer hangs in that. Half of the room is still no reason to worry.
    test.log("123456789\n");
    assert!(!test.sink.is_stuck());
    test.log("123456789\n");
    assert!(test.sink.is_stuck());
    test.log("too much\n");
    test.log("x\n");
    assert_eq!(test.lost(), 2);
    // An end does not wait for ever.
    test.sink.flush(Duration::from_millis(1));

    test.answer(Ok(100));
    assert_eq!(test.written(), "123456789\n123456789\n");
    test.answer(Ok(100));
    test.sink.flush(Duration::from_mins(1));
    assert_eq!((test.lost(), test.sink.is_stuck()), (0, false));
}

#[test]
fn what_cannot_be_written_is_lost_and_what_comes_then_is_tried() {
    let mut test = Test::with_room(1 << 10);
    test.log("one\ntwo\n");
    test.written();
    test.answer(Ok(4));
    test.written();
    test.answer(Err(io::ErrorKind::StorageFull.into()));
    test.sink.flush(Duration::from_mins(1));
    assert_eq!((test.lost(), test.sink.is_stuck()), (1, true));

    test.log("three\n");
    assert_eq!(test.written(), "three\n");
    test.answer(Err(io::ErrorKind::Interrupted.into()));
    assert_eq!(test.written(), "three\n");
    test.answer(Err(io::ErrorKind::WouldBlock.into()));
    assert_eq!(test.written(), "three\n");
    test.answer(Ok(100));
    test.sink.flush(Duration::from_mins(1));
    assert_eq!((test.lost(), test.sink.is_stuck()), (0, false));
}
