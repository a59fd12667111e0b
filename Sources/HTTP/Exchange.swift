/// One request and the place of its answer. The calling task and the engine share it.
final class Exchange: Sendable {
    enum Delivery: Sendable {
        case whole(OneShot<HTTPResponse>)
        case stream(OneShot<ResponseHead>, BodyPipe)
    }

    let client: ClientIdentity
    let request: HTTPRequest
    let delivery: Delivery

    init(client: ClientIdentity, request: HTTPRequest, delivery: Delivery) {
        self.client = client
        self.request = request
        self.delivery = delivery
    }

    func fail(_ error: HTTPError) {
        switch delivery {
        case .whole(let answer): answer.resolve(.failure(error))
        case .stream(let head, let body):
            // The pipe comes first, since a caller that sees the head's failure drops the pipe.
            body.finish(error)
            head.resolve(.failure(error))
        }
    }
}

/// Stands for an `HTTPClient` on the engine's thread. It is an object, so that its identity is unique while anyone
/// holds it.
final class ClientIdentity: Sendable {
    let configuration: HTTPClientConfiguration
    init(_ configuration: HTTPClientConfiguration) { self.configuration = configuration }
}
