package vault

// DropIdle closes every connection that is not in use, as the pool may do at
// any time.
func DropIdle(f *File) {
	f.pool.SetMaxIdleConns(-1)
	f.reader.SetMaxIdleConns(-1)
	f.pool.SetMaxIdleConns(2)
	f.reader.SetMaxIdleConns(readers)
}
