#include "host/engine/read_pool.hpp"

#include "host/engine/store_file.hpp"

namespace tasker::host {

ReadPool::Lease ReadPool::borrow() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return closed_ || lent_ < max_; });
    if (closed_) throw StoreUnavailable("the engine has stopped");
    ++lent_;
    if (!idle_.empty()) {
        auto connection = std::move(idle_.back());
        idle_.pop_back();
        return {*this, std::move(connection)};
    }
    lock.unlock();
    try {
        return {*this, std::make_unique<SqlConnection>(open_reader(store_))};
    } catch (const SqlError& error) {
        lock.lock();
        --lent_;
        changed_.notify_one();
        throw StoreUnavailable(std::string("cannot read the store: ") + error.what());
    }
}

void ReadPool::give_back(std::unique_ptr<SqlConnection> connection) {
    {
        const std::scoped_lock lock(mutex_);
        idle_.push_back(std::move(connection));
        --lent_;
    }
    changed_.notify_all();
}

void ReadPool::close() {
    std::unique_lock lock(mutex_);
    closed_ = true;
    changed_.notify_all();
    changed_.wait(lock, [this] { return lent_ == 0; });
    idle_.clear();
}

int ReadPool::idle() const {
    const std::scoped_lock lock(mutex_);
    return max_ - lent_;
}

}  // namespace tasker::host
