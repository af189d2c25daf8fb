#pragma once
// A few read connections, lent one call at a time. Reads are short: a long one would keep the log from being reused.

#include <condition_variable>
#include <filesystem>
#include <memory>
#include <mutex>
#include <vector>

#include "host/engine/sqlite.hpp"

namespace tasker::host {

class ReadPool {
  public:
    explicit ReadPool(std::filesystem::path store, int max_connections = 2)
        : store_(std::move(store)), max_(max_connections) {}

    class Lease {
      public:
        Lease(ReadPool& pool, std::unique_ptr<SqlConnection> connection)
            : pool_(&pool), connection_(std::move(connection)) {}
        Lease(Lease&&) = default;
        Lease& operator=(Lease&&) = delete;
        ~Lease() {
            if (connection_) pool_->give_back(std::move(connection_));
        }
        SqlConnection& operator*() { return *connection_; }
        SqlConnection* operator->() { return connection_.get(); }

      private:
        ReadPool* pool_;
        std::unique_ptr<SqlConnection> connection_;
    };

    // Waits while all are lent. Throws StoreUnavailable once closed, or when the file cannot be opened.
    Lease borrow();
    // Waits until all are back, then closes them. Idempotent.
    void close();

    int size() const { return max_; }
    int idle() const;

  private:
    void give_back(std::unique_ptr<SqlConnection> connection);

    const std::filesystem::path store_;
    const int max_;
    mutable std::mutex mutex_;
    std::condition_variable changed_;
    std::vector<std::unique_ptr<SqlConnection>> idle_;
    int lent_ = 0;
    bool closed_ = false;
};

}  // namespace tasker::host
