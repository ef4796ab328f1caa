package node

import "fmt"

const (
	// pageBytes and pageLines bound what one reader holds in memory.
	pageBytes = 1 << 20
	pageLines = 64
)

// forwards walks over the events of a stream from a revision on, as far as the
// log reaches to a position. It is told how many events are wanted, so as not to
// read more of the index; visit may well end the walk with an error.
func (s *store) forwards(stream string, from, end, count uint64, visit func(*block, record) error) error {
	for more := true; more; {
		var err error
		if from, more, err = s.page(stream, from, end, count, visit); err != nil {
			return err
		}
	}
	return nil
}

// page is one step of forwards. It returns the revision to go on from; more is
// false where the walk is at its end.
func (s *store) page(stream string, from, end, count uint64, visit func(*block, record) error) (next uint64, more bool, err error) {
	limit := int(min(count, pageLines))
	lines, err := s.index(stream, from, false, limit)
	if err != nil {
		return from, false, err
	}
	memory := takeScratch()
	defer memory.release()
	for _, line := range lines {
		if line.position >= end {
			return from, false, nil
		}
		memory.reset()
		b, err := s.blockOf(stream, line, memory)
		if err != nil {
			return from, false, err
		}
		for records := b.walk(); ; {
			rec, ok, err := records.next()
			if err != nil {
				return from, false, err
			}
			if !ok {
				break
			}
			if rec.revision < from {
				continue
			}
			if err := visit(b, rec); err != nil {
				return from, false, err
			}
			from = rec.revision + 1
		}
	}
	return from, len(lines) == limit, nil
}

// backwards walks over the events of a stream from a visible revision down to
// another one. It is told how many events are wanted, as forwards is.
func (s *store) backwards(stream string, from, to, count uint64, visit func(*block, record) error) error {
	memory := takeScratch()
	defer memory.release()
	for limit := int(min(count, pageLines)); from >= to; {
		lines, err := s.index(stream, from, true, limit)
		if err != nil || len(lines) == 0 {
			return err
		}
		for _, line := range lines {
			if line.lastRevision() < to {
				return nil
			}
			memory.reset()
			b, err := s.blockOf(stream, line, memory)
			if err != nil {
				return err
			}
			records, err := b.all()
			if err != nil {
				return err
			}
			for i := len(records) - 1; i >= 0; i-- {
				if records[i].revision < to {
					return nil
				}
				if records[i].revision > from {
					continue
				}
				if err := visit(b, records[i]); err != nil {
					return err
				}
			}
		}
		oldest := lines[len(lines)-1].revision
		if oldest == 0 {
			return nil
		}
		from = oldest - 1
	}
	return nil
}

// blockOf returns the block that a line of a stream's index leads to, in memory
// where it comes from disk.
func (s *store) blockOf(stream string, line entry, memory *scratch) (*block, error) {
	b, err := s.atInto(line.position, memory)
	if err != nil {
		return nil, err
	}
	if b.stream != stream || b.revision != line.revision || b.count != line.count {
		return nil, &damaged{line.position, fmt.Sprintf("the index of stream %q leads here for %d events from revision %d, the block holds %d of stream %q from %d",
			stream, line.count, line.revision, b.count, b.stream, b.revision)}
	}
	return b, nil
}

// from returns visible blocks from the one that begins at a position, as after does.
func (s *store) from(position uint64, maxBytes int, memory *scratch) ([]*block, error) {
	end := s.tail.end()
	if position > end {
		return nil, nil
	}
	return s.onwards(position, end, maxBytes, memory)
}

// logPages reads the visible log forwards, a page of blocks at a time: from the
// tail where it reaches back far enough, else from disk, and then the next page
// while the caller is busy with the last. It is not safe for concurrent use.
type logPages struct {
	store *store
	after uint64 // position of the last record that was read
	// ahead brings the page that is being read ahead, nil where none is.
	ahead chan logPage
	// current holds the blocks of the last page, spare those of the one ahead; both
	// are nil as long as nothing is read from disk.
	current, spare *scratch
}

// logPage is some blocks in order. Records of the first one may lie before the
// position that was asked for. It is valid until the next page is asked for.
type logPage struct {
	blocks []*block
	// fromDisk says that the reader is further back than the tail.
	fromDisk bool
	// changed is closed when there is more, where there was nothing to read.
	changed <-chan struct{}
	err     error
}

func newLogPages(s *store, after uint64) *logPages { return &logPages{store: s, after: after} }

// next returns the next page; without blocks the reader is at the log's end.
func (p *logPages) next() (logPage, error) {
	page := logPage{}
	if p.ahead != nil {
		page = <-p.ahead
		p.ahead = nil
		p.current, p.spare = p.spare, p.current
	}
	if page.err == nil && len(page.blocks) == 0 {
		page = logPage{}
		var behind bool
		if page.blocks, behind, page.changed = p.store.tail.after(p.after, pageBytes); behind {
			page = p.fromDisk(p.store.after, room(&p.current))
		} else {
			p.release()
		}
	}
	if page.err != nil || len(page.blocks) == 0 {
		return page, page.err
	}
	last := page.blocks[len(page.blocks)-1]
	p.after = last.lastPosition()
	if page.fromDisk && !p.store.tail.reaches(p.after) {
		ahead := make(chan logPage, 1)
		p.ahead = ahead
		next, memory := logPages{store: p.store, after: last.end()}, room(&p.spare)
		go func() { ahead <- next.fromDisk(p.store.from, memory) }()
	}
	return page, nil
}

func (p *logPages) fromDisk(read func(position uint64, maxBytes int, memory *scratch) ([]*block, error), memory *scratch) logPage {
	page := logPage{fromDisk: true}
	page.blocks, page.err = read(p.after, pageBytes, memory)
	return page
}

// room returns an empty scratch, the one that is there or another.
func room(memory **scratch) *scratch {
	if *memory == nil {
		*memory = takeScratch()
	}
	(*memory).reset()
	return *memory
}

// release gives the memory of both pages back.
func (p *logPages) release() {
	for _, memory := range []**scratch{&p.current, &p.spare} {
		if *memory != nil {
			(*memory).release()
			*memory = nil
		}
	}
}

// close waits for what is being read ahead.
func (p *logPages) close() {
	if p.ahead != nil {
		<-p.ahead
		p.ahead = nil
	}
	p.release()
}
