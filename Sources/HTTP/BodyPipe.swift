import Support

/// The bounded buffer between the engine, which fills it, and the one task that reads a streamed body.
///
/// When it is full libcurl is told to pause. Over HTTP/1.1, and over HTTP/2 for the only active stream of a connection,
/// the socket is then no longer read. Where other streams of the connection go on, libcurl 7.88 keeps reading for them
/// and puts aside what comes for the paused one, up to its stream window of 32 MB, which no option makes smaller; all
/// of it moves in here when the stream is resumed. The alternative, a connection for each stream, costs some 80 KB for
/// each watch (both ends; 9 KB multiplexed).
final class BodyPipe: Sendable {
    typealias Outcome = Result<[UInt8]?, HTTPError>

    /// How much may wait for the reader. The last piece (16 KiB at most) may go beyond it, and so may what libcurl had
    /// put aside.
    static let capacity = 256 << 10

    struct State {
        var bytes: [UInt8] = []
        /// Set while `bytes` is empty only.
        var reader: CheckedContinuation<Outcome, Never>?
        var isPaused = false
        /// Nil while more may come; then the last outcome, for good.
        var end: Outcome?
    }
    /// Not private: a test looks for what is left in memory of the bytes.
    let state = Locked(State())
    /// Whether the bytes that are left behind or let go of are zeroed: they may be a Secret's.
    private let wipes: Bool

    init(wipes: Bool = false) { self.wipes = wipes }

    deinit { if wipes { state.withLock { $0.bytes.wipe() } } }

    var hasEnded: Bool { state.withLock { $0.end != nil } }

    // MARK: The engine's side

    /// False when the buffer is full: the piece was not taken, the sender is to be held back until the reader says
    /// (`Step.resumes`) that there is room. Never with `beyondCapacity`: for what libcurl has put aside, and so is in
    /// memory already.
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

    /// After a failure that the reader itself asked for (cancelled, closed), what has arrived is let go of.
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

    /// What has arrived by now or, if nothing has, the next piece. `resume` is called when the engine held the sender
    /// back and need not any longer.
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
