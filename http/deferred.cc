#include <tidewire/http/connection.h>
#include <tidewire/http/deferred.h>
#include <string>

namespace tidewire::http {

struct Deferred::Claim {
  Claim(LoopRemote to, std::shared_ptr<Ticket> with) : loop(std::move(to)), ticket(std::move(with)) {}
  Claim(const Claim&) = delete;
  Claim& operator=(const Claim&) = delete;
  ~Claim() {
    try {
      loop.post([dropped = ticket] {
        // The handler may have made another promise meanwhile.
        if (dropped->connection != nullptr && dropped->claim.expired()) dropped->connection->promise_dropped();
      });
    } catch (const std::bad_alloc&) {
      // The client waits in vain, and closes.
      return;
    }
  }

  LoopRemote loop;
  std::shared_ptr<Ticket> ticket;
};

Deferred Connection::defer() {
  Exchange& exchange = *exchange_;
  // The handler may have ended the connection, or even the server, before it asked.
  Connection* const answerable = phase_ == Phase::closed ? nullptr : this;
  if (!exchange.ticket) exchange.ticket = std::make_shared<Ticket>(Ticket{.connection = answerable, .claim = {}});
  auto claim = exchange.ticket->claim.lock();
  if (!claim) {
    claim = std::make_shared<Deferred::Claim>(stream_->loop().remote(), exchange.ticket);
    exchange.ticket->claim = claim;
  }
  exchange.response.deferred_ = true;
  return Deferred(std::move(claim));
}

bool Deferred::send(Status status, std::string_view text) const {
  return run([status, body = std::string(text)](Response& response) { response.send(status, body); });
}

bool Deferred::run(Callback<void(Response&)> answer) const {
  if (claim_->loop.in_thread()) {
    if (Connection* connection = claim_->ticket->connection) connection->run(answer);
    return true;
  }
  return claim_->loop.post([claim = claim_, answer = std::move(answer)]() mutable {
    if (Connection* connection = claim->ticket->connection) connection->run(answer);
  });
}

void Connection::promise_dropped() {
  if (phase_ != Phase::answering) return;
  exchange_->response.deferred_ = false;
  call("deferred answer", [](Response&) {});
}

}  // namespace tidewire::http
