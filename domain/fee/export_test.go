package fee

// CompileForEngine2 compiles a document that engine 1 would rate for engine 2.
func CompileForEngine2(document Document) (*Schedule, error) {
	s, err := Compile(document)
	if err != nil || s.program != nil {
		return s, err
	}
	d := s.document
	program, faults := build(&d)
	if len(faults) > 0 {
		return nil, faults[0]
	}
	s.program = program
	s.bind(program.parameters)
	return s, nil
}
