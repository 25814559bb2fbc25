package e2e_test

import (
	"net"
)

// quietListener never has a visitor.
type quietListener struct{}

func (quietListener) Accept() (net.Conn, error) { select {} }
func (quietListener) Close() error              { return nil }
func (quietListener) Addr() net.Addr            { return &net.TCPAddr{} }
