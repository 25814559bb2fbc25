package web

import (
	"fmt"
	"strings"

	"rsc.io/qr"
)

const (
	quiet     = 4    // modules of white around the code (ISO/IEC 18004 9.1)
	maxQRText = 1024 // bytes; BankID's frames have about 120
)

// qrView is a QR code as one SVG path of digits and path letters.
type qrView struct {
	Side int // modules, quiet zone included
	Path string
}

// newQR draws text. nil means that there is nothing to draw.
func newQR(text string) *qrView {
	if text == "" || len(text) > maxQRText {
		return nil
	}
	code, err := qr.Encode(text, qr.L)
	if err != nil {
		return nil
	}
	var path strings.Builder
	for y := range code.Size {
		for x := 0; x < code.Size; {
			run := 0
			for x+run < code.Size && code.Black(x+run, y) {
				run++
			}
			if run > 0 {
				_, _ = fmt.Fprintf(&path, "M%d %dh%dv1h-%dz", x+quiet, y+quiet, run, run)
			}
			x += run + 1
		}
	}
	return &qrView{Side: code.Size + 2*quiet, Path: path.String()}
}
