"""Where everything lies in an environment's state: names for columns, bits and moments.

One environment's whole state is five rows of plain arrays: ``ram`` (2,048 bytes), ``vram`` (two
nametables, 2,048 bytes), ``oam`` (64 sprites, one int32 each), ``palette`` (32 bytes) and
``regs`` (`N_REGS` int32, the columns below). Copying the rows copies the machine.
"""

from __future__ import annotations

# Columns of ``regs``. CPU registers as the 6502 names them; the program counter is absolute.
A, X, Y, S, P, PC = 0, 1, 2, 3, 4, 5
# Time in PPU dots (3 a CPU cycle) since the frame began, which is when vertical blank begins.
DOT = 6
# What the PPU waits for next (the PHASE_ values), and when.
PHASE, NEXT = 7, 8
# PPU registers $2000, $2001, $2002; the scroll registers v, t, x, w in the PPU's own names.
CTRL, MASK, STATUS, V, T, FINE_X, W, READ_BUFFER, OAM_ADDR = 9, 10, 11, 12, 13, 14, 15, 16, 17
# Scanlines already fetched in this frame; dot of the coming sprite-0 hit (NEVER if none).
LINE, HIT = 18, 19
# Whether this is an odd frame (it is one dot shorter); dots since power-on modulo 6 at frame start
# (the parity of the CPU cycle, which sprite DMA depends on); NMI waiting to be taken.
ODD, CLOCK, NMI = 20, 21, 22
# Controller: shift register, strobe, buttons held, buttons held before (for sticky actions).
PAD, STROBE, BUTTONS = 23, 24, 25
# Frames since power-on, and in the last step.
FRAMES, STEP_FRAMES = 26, 27
# Unsupported things the program did: how many, and the first one as (kind << 16 | address).
FAULTS, FIRST_FAULT = 28, 29
N_REGS = 32
RAM_SIZE, VRAM_SIZE, N_SPRITES, PALETTE_SIZE = 2048, 2048, 64, 32

# Dots from the start of vertical blank (scanline 241, dot 1) to ...
DOT_PRERENDER = 6820  # ... scanline 261, dot 1: vertical blank, sprite-0 hit and overflow are cleared
DOT_RELOAD = 7123  # ... scanline 261, dot 304: v is reloaded from t
DOT_SCREEN = 7160  # ... scanline 0, dot 0
DOT_LINE_1 = 7417  # ... scanline 0, dot 257: the horizontal half of v is reloaded for scanline 1
DOTS_PER_LINE = 341
DOT_END = 89342  # ... the next vertical blank
NEVER = 1 << 30

PHASE_BLANK, PHASE_PRERENDER, PHASE_VISIBLE = 0, 1, 2

# Kinds of faults, in the order of FAULT_NAMES.
FAULT_OPCODE, FAULT_READ, FAULT_WRITE, FAULT_EXEC, FAULT_VRAM = 1, 2, 3, 4, 5
FAULT_NAMES = {
    FAULT_OPCODE: "undocumented opcode at",
    FAULT_READ: "read of an unsupported address (open bus, APU status, cartridge RAM):",
    FAULT_WRITE: "write to an unsupported address (picture ROM, cartridge RAM):",
    FAULT_EXEC: "code run outside the program ROM, at",
    FAULT_VRAM: "video memory touched while the picture is drawn, by the instruction before",
}

# Columns of ``orders``, what a step is told for each environment.
ORDER_BUTTONS, ORDER_FRAMES, ORDER_DELAY, ORDER_PAUSE = 0, 1, 2, 3
N_ORDERS = 4

# Buttons, in the order the controller's shift register hands them out (NESdev Wiki, "Standard controller").
BUTTON_A, BUTTON_B, BUTTON_SELECT, BUTTON_START = 1, 2, 4, 8
BUTTON_UP, BUTTON_DOWN, BUTTON_LEFT, BUTTON_RIGHT = 16, 32, 64, 128

# The screen, and the drawing's own rows: 8 pixels a 64-bit word, one tile to the right for fine
# scrolling and one more for sprites that hang over the edge.
SCREEN_H, SCREEN_W = 240, 256
WORDS_PER_LINE = 35
