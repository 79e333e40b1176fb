"""The frameworks as contestants: the same model as anyone would write it in each of them.

All pad a batch to block_size positions, since they compile or dispatch by shape. They get one
thread on the CPU, like everybody else.
"""
