import Support

/// The bounded buffer between the engine, which fills it, and the one task that reads a streamed body.
///
/// When it is full, the engine tells libcurl to pause. Over HTTP/1.1 libcurl then no longer reads the socket. Over HTTP/2
/// libcurl 7.88 would keep reading for the other streams of the connection, and put aside what comes for the paused one,
/// up to the stream window of 32 MB, which no option makes smaller. So the engine itself leaves the socket alone
/// (`Lane.holdBack`). The alternative is a connection for each stream. That costs some 80 KB for each watch (both ends),
/// and 9 KB multiplexed.
final class BodyPipe: Sendable {
    typealias Outcome = Result<[UInt8]?, HTTPError>

    /// How many bytes may wait for the reader. The last piece (at most 16 KiB) may go beyond that, and so may what
    /// libcurl had put aside.
    static let capacity = 256 << 10

    struct State {
        var bytes: [UInt8] = []
        /// It is set only while `bytes` is empty.
        var reader: CheckedContinuation<Outcome, Never>?
        var isPaused = false
        /// Nil while more may come; then the last outcome, which stays.
        var end: Outcome?
    }
    /// It is not private, since a test searches the memory for what is left of the bytes.
    let state = Locked(State())
    /// Whether bytes are zeroed when they are released, since they may be a Secret's.
    private let wipes: Bool

    init(wipes: Bool = false) { self.wipes = wipes }

    deinit { if wipes { state.withLock { $0.bytes.wipe() } } }

    var hasEnded: Bool { state.withLock { $0.end != nil } }

    // MARK: The engine's side

    /// False when the buffer is full. Then it did not take the piece, and the engine must hold the sender back until
    /// the reader says that there is room (`Step.resumes`). It is never false with `beyondCapacity`, which is for bytes
    /// that libcurl had put aside and that are in memory already.
    func offer(_ piece: UnsafeRawBufferPointer, beyondCapacity: Bool = false) -> Bool {
        enum Decision { case stored, full, wakes(CheckedContinuation<Outcome, Never>) }
        let decision: Decision = state.withLock { state in
            if let reader = state.reader {
                state.reader = nil
                return .wakes(reader)
            }
            guard beyondCapacity || state.bytes.count < Self.capacity else {
                state.isPaused = true
                return .full
            }
            if wipes { state.bytes.growWiping(by: piece.count) }
            state.bytes.append(contentsOf: piece)
            return .stored
        }
        switch decision {
        case .stored: return true
        case .full: return false
        case .wakes(let reader):
            reader.resume(returning: .success([UInt8](piece)))
            return true
        }
    }

    /// After a failure that the reader caused (cancelled, closed), the bytes that have arrived are dropped.
    func finish(_ failure: HTTPError?) {
        let reader: CheckedContinuation<Outcome, Never>? = state.withLock { state in
            guard state.end == nil else { return nil }
            state.end = failure.map { .failure($0) } ?? .success(nil)
            if failure?.kind == .cancelled || failure?.kind == .closed {
                if wipes { state.bytes.wipe() } else { state.bytes = [] }
            }
            defer { state.reader = nil }
            return state.reader
        }
        reader?.resume(returning: failure.map { .failure($0) } ?? .success(nil))
    }

    // MARK: The reader's side

    /// The bytes that have arrived by now or, if there are none, the next piece. It calls `resume` when the engine held
    /// the sender back and there is room again.
    func next(resume: () -> Void) async -> Outcome {
        if let step = state.withLock({ take(&$0) }) {
            if step.resumes { resume() }
            return step.outcome
        }
        return await withCheckedContinuation { continuation in
            let step: Step? = state.withLock { state in
                if let step = take(&state) { return step }
                guard state.reader == nil else {
                    return Step(
                        outcome: .failure(HTTPError(.other, "a body has one reader", mayHaveBeenProcessed: true)),
                        resumes: false)
                }
                state.reader = continuation
                return nil
            }
            guard let step else { return }
            if step.resumes { resume() }
            continuation.resume(returning: step.outcome)
        }
    }

    private struct Step {
        var outcome: Outcome
        var resumes: Bool
    }

    private func take(_ state: inout State) -> Step? {
        if state.bytes.isEmpty {
            guard let end = state.end else { return nil }
            return Step(outcome: end, resumes: false)
        }
        let step = Step(outcome: .success(state.bytes), resumes: state.isPaused)
        state.bytes = []
        state.isPaused = false
        return step
    }
}
